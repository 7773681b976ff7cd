//! The API as its description has it: schemathesis makes requests of the description, good ones and bad ones, and looks at
//! what they are answered.

use std::process::{Command, Stdio};
use std::time::Duration;

use ledger_testkit::web::ensure_schemathesis;
use reference_server::demo::{CASHIER_KEY, OFFICE_KEY, PROVIDER_KEY, SECOND_OFFICE_KEY};

use crate::site::Site;

/// What every answer is held to: no fault of the server, a status, a type and a body that are described; no way past the keys.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
    unsupported_method,allow_header_conformance,ignored_auth";

/// What there is, so that requests meet it.
const FOUND: &str =
    "[parameters]\n\"path.player\" = \"p\"\n\"path.provider\" = \"hmac\"\n\"path.source\" = \"cashier\"\n";

/// The longest that one run may take.
const LIMIT: Duration = Duration::from_mins(3);

/// Whoever calls, whatever is sent: the answer is one that is described, and afterwards the books are right.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_sent_is_answered_as_it_is_described() {
    let schemathesis = tokio::task::spawn_blocking(ensure_schemathesis).await.unwrap().unwrap();
    let site = Site::start().await;
    site.player("p", "1000.00", "EUR").await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schemathesis.toml"), FOUND).unwrap();
    for key in [CASHIER_KEY, OFFICE_KEY, PROVIDER_KEY] {
        let mut command = Command::new("timeout");
        command.current_dir(folder.path()).arg(LIMIT.as_secs().to_string()).arg(&schemathesis);
        command
            .args(["--config-file", "schemathesis.toml", "run"])
            .arg(format!("{}/openapi.json", site.http.base()));
        command.args(["--header", &format!("Authorization: Bearer {key}")]);
        command.args(["--header", &format!("X-Approval-Key: {SECOND_OFFICE_KEY}")]);
        // A stream of events has no end to be waited for.
        command.args(["--checks", CHECKS, "--exclude-path-regex", "/live$"]);
        command.args([
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "10",
            "--generation-deterministic",
        ]);
        command.args(["--no-color", "--request-timeout", "20"]).env("PYTHONUTF8", "1").stdin(Stdio::null());
        // A proxy of the machine's is not for this machine.
        command.env("NO_PROXY", "127.0.0.1");
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(told.contains(" passed"), "{told}");
    }
    site.end().await;
}
