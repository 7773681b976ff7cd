//! TLS: who is heard, who is not, and that it ends as it should.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use reference_server::demo::{CASHIER_KEY, PROVIDER_KEY};
use reference_server::{Config, tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::process::{Process, program, terminate};
use crate::site::Site;

/// An authority, and its certificate in a file.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

/// A certificate and its key, in files.
#[derive(Clone)]
struct Signed {
    certificate: PathBuf,
    key: PathBuf,
}

fn authority(folder: &Path, name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let file = folder.join(format!("{name}.pem"));
    std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
    Authority { issuer: Issuer::new(params, key), file }
}

impl Authority {
    fn signs(&self, folder: &Path, name: &str) -> Signed {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        let of = |end: &str| folder.join(format!("{name}.{end}"));
        let signed = Signed { certificate: of("pem"), key: of("key") };
        std::fs::write(&signed.certificate, pem).unwrap();
        std::fs::write(&signed.key, key.serialize_pem()).unwrap();
        signed
    }

    /// A caller who believes this authority, and shows a certificate or none.
    fn caller(&self, shows: Option<&Signed>) -> TlsConnector {
        TlsConnector::from(Arc::new(self.settings(shows)))
    }

    fn settings(&self, shows: Option<&Signed>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.file).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        match shows {
            Some(Signed { certificate, key }) => {
                let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap()
            }
            None => builder.with_no_client_auth(),
        }
    }
}

async fn connected(caller: &TlsConnector, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    caller.connect(ServerName::try_from("localhost").unwrap(), stream).await
}

fn request(line: &str, key: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// What a request is answered; an error, if it is not heard.
async fn ask(caller: &TlsConnector, address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = connected(caller, address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut told = Vec::new();
    stream.read_to_end(&mut told).await?;
    Ok(String::from_utf8(told).unwrap())
}

/// A server's files: its authority, its certificate, and who may call.
struct Files {
    folder: tempfile::TempDir,
    house: Authority,
    server: Signed,
    callers: Authority,
}

fn files() -> Files {
    let folder = tempfile::tempdir().unwrap();
    let house = authority(folder.path(), "house");
    let server = house.signs(folder.path(), "server");
    let callers = authority(folder.path(), "callers");
    Files { folder, house, server, callers }
}

impl Files {
    fn put_in(&self, config: Config, callers: bool) -> Config {
        Config {
            tls_certificate: Some(self.server.certificate.clone()),
            tls_key: Some(self.server.key.clone()),
            tls_client_ca: callers.then(|| self.callers.file.clone()),
            ..config
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_shows_no_certificate_is_not_heard() {
    let files = files();
    let site = Site::with(|config| files.put_in(config, true)).await;
    let address = site.server.address;
    assert_eq!(site.server.base(), format!("https://{address}"));
    let alive = request("GET /livez", "", "");
    let known = files.callers.signs(files.folder.path(), "provider");
    let other = authority(files.folder.path(), "others").signs(files.folder.path(), "other");
    // Who begins and does not go on keeps nobody waiting.
    let idle = TcpStream::connect(address).await.unwrap();
    for shows in [None, Some(&other), Some(&files.server)] {
        assert!(ask(&files.house.caller(shows), address, &alive).await.is_err(), "is heard");
    }
    let plain = site.http.try_send(axum::http::Method::GET, "/livez", &[], "").await;
    assert!(plain.is_err(), "speaks plain HTTP: {plain:?}");
    let caller = files.house.caller(Some(&known));
    let told = ask(&caller, address, &alive).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 200") && told.contains("alive"), "{told}");
    // A certificate is no key.
    let told = ask(&caller, address, &request("GET /providers", "nonsense", "")).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 401"), "{told}");
    // gRPC needs HTTP/2, which is agreed on with TLS.
    let mut settings = files.house.settings(Some(&known));
    settings.alpn_protocols = vec![b"h2".to_vec()];
    let stream = connected(&TlsConnector::from(Arc::new(settings)), address).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    drop(stream);
    // Who believes another authority does not speak to it.
    assert!(ask(&files.callers.caller(Some(&known)), address, &alive).await.is_err());
    drop(idle);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_speaks_tls_ends_as_it_should() {
    let files = files();
    let site = Site::with(|config| files.put_in(config, false)).await;
    let address = site.server.address;
    let caller = files.house.caller(None);
    for (line, key, body) in [
        ("POST /players", CASHIER_KEY, r#"{"playerId":"p","brand":"lucky"}"#),
        (
            "POST /deposits",
            CASHIER_KEY,
            r#"{"requestId":"d","playerId":"p","amount":{"amount":"5.00","currency":"EUR"}}"#,
        ),
        (
            "POST /bets/place",
            PROVIDER_KEY,
            r#"{"requestId":"b","playerId":"p","roundId":"r","gameId":"hmac:crash","stake":{"amount":"2.00","currency":"EUR"}}"#,
        ),
    ] {
        let told = ask(&caller, address, &request(line, key, body)).await.unwrap();
        assert!(told.starts_with("HTTP/1.1 20"), "{told}");
    }
    // A stream that is open, and a caller who has not agreed yet, do not keep it from ending.
    let mut stream = connected(&caller, address).await.unwrap();
    let live = request("GET /players/p/balances/live", CASHIER_KEY, "");
    stream.write_all(live.as_bytes()).await.unwrap();
    let mut told = String::new();
    while !told.contains("\"available\":\"3.00\"") {
        let mut part = [0; 4_096];
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut part)).await;
        let read = read.unwrap().unwrap();
        assert!(read > 0, "{told}");
        told.push_str(std::str::from_utf8(&part[..read]).unwrap());
    }
    let idle = TcpStream::connect(address).await.unwrap();
    let begun = std::time::Instant::now();
    site.end().await;
    assert!(begun.elapsed() < Duration::from_secs(8), "it waited for who does not go on");
    assert!(ask(&caller, address, &live).await.is_err(), "nobody listens any more");
    drop(idle);
}

/// What is wrong with the files is told at the start; the environment goes before the file, as everywhere.
#[test]
fn settings_of_tls_are_looked_at_before_anything_is_opened() {
    let files = files();
    let Signed { certificate, key } = &files.server;
    let other = files.house.signs(files.folder.path(), "another");
    assert!(tls::settings(certificate, key, Some(&files.callers.file)).is_ok());
    for (certificate, key, authorities, wanted) in [
        (&files.folder.path().join("none.pem"), key, None, "none.pem"),
        (key, key, None, "no certificate in it"),
        (certificate, certificate, None, "server.pem"),
        (certificate, &other.key, None, "server.pem"),
        (certificate, key, Some(&**key), "server.key"),
    ] {
        let told = tls::settings(certificate, key, authorities).unwrap_err().to_string();
        assert!(told.contains(wanted), "{told}");
    }
    let file = files.folder.path().join("casino.toml");
    let data = files.folder.path().join("data");
    let text = format!("listen = \"127.0.0.1:0\"\ndata = {data:?}\ntls_certificate = {certificate:?}\n");
    std::fs::write(&file, text).unwrap();
    let mut check = program();
    check.env("CASINO_SERVER_SECRET", "s".repeat(32)).args(["--check", "--config", file.to_str().unwrap()]);
    let told = String::from_utf8(check.output().unwrap().stderr).unwrap();
    assert!(told.contains("tls_certificate and tls_key: one needs the other"), "{told}");
    assert!(check.env("CASINO_SERVER_TLS_KEY", key).output().unwrap().status.success());
    check.env("CASINO_SERVER_TLS_CLIENT_CA", files.folder.path().join("nobody.pem"));
    let told = String::from_utf8(check.output().unwrap().stderr).unwrap();
    assert!(told.contains("tls: ") && told.contains("nobody.pem"), "{told}");
    let alone =
        Config { tls_client_ca: Some(files.callers.file.clone()), ..reference_server::demo::config() };
    let told = alone.check().unwrap_err().to_string();
    assert!(told.contains("tls_client_ca: it needs"), "{told}");
    // The program itself, as it is started and stopped.
    let mut child = program()
        .env("CASINO_SERVER_SECRET", "s".repeat(32))
        .env("CASINO_SERVER_TLS_KEY", key)
        .args(["--config", file.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let process = Process(child);
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.starts_with("listening at https://127.0.0.1:"), "{line}");
    std::thread::spawn(move || out.lines().for_each(drop));
    assert!(terminate(process), "it ends by itself");
}
