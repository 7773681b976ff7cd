//! The adapter through its public face, with the real crates on the other side.

mod boundary;
mod double_apply;
mod feed;
mod framework;
mod given;
mod postgres;
mod repository;
mod support;
