//! Makes the description of the gRPC API, which the server reads, out of `proto/casino.proto`.

use std::path::PathBuf;
use std::{env, error, fs};

fn main() -> Result<(), Box<dyn error::Error>> {
    let file = "proto/casino.proto";
    println!("cargo::rerun-if-changed={file}");
    let mut compiler = protox::Compiler::new(["proto"])?;
    // With what the server adds to each call, which the plain types of descriptors do not keep.
    let described = compiler.include_imports(true).open_file("casino.proto")?.encode_file_descriptor_set();
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(folder.join("casino.binpb"), described)?;
    Ok(())
}
