//! Makes the description of the gRPC API, which the server reads, out of `proto/casino.proto`.

use std::path::PathBuf;
use std::{env, error, fs};

use prost::Message as _;

fn main() -> Result<(), Box<dyn error::Error>> {
    let file = "proto/casino.proto";
    println!("cargo::rerun-if-changed={file}");
    let described = protox::compile([file], ["proto"])?;
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(folder.join("casino.binpb"), described.encode_to_vec())?;
    Ok(())
}
