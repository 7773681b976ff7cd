//! What providers do: signing their calls, and sending them.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use reference_server::config::DialectName;
use reference_server::demo;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::site::{Answer, Site};

pub(crate) fn hmac(secret: &str, parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    for part in parts {
        mac.update(part);
    }
    hex::encode(mac.finalize().into_bytes())
}

pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

impl Site {
    /// A launch token of a player for a game.
    pub(crate) async fn token(&self, player: &str, game: &str, currency: &str) -> String {
        let body = json!({"requestId": format!("s-{player}-{game}"), "gameId": game, "currency": currency});
        let (status, launch) =
            self.post(demo::CASHIER_KEY, &format!("/players/{player}/sessions"), body).await;
        assert_eq!(status, 201, "{launch}");
        launch["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn call(
        &self,
        provider: &str,
        call: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let path = format!("/rgs/provider/{provider}/callback{call}");
        self.http.send(Method::POST, &path, headers, body.to_owned()).await
    }

    /// A call of the neutral protocol.
    pub(crate) async fn neutral(&self, body: &Value) -> (u16, Value) {
        let (body, time) = (body.to_string(), now().to_string());
        let secret = demo::secret_of(DialectName::Hmac);
        let signature = hmac(&secret, &[time.as_bytes(), b".", body.as_bytes()]);
        let answer =
            self.call("hmac", "", &[("x-timestamp", &time), ("x-signature", &signature)], &body).await;
        (answer.status, answer.json())
    }

    pub(super) async fn gcp(&self, call: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let signature = hmac(&demo::secret_of(DialectName::Gcp), &[body.as_bytes()]);
        let answer = self.call("gcp", &format!("/{call}"), &[("x-request-sign", &signature)], &body).await;
        (answer.status, answer.json())
    }

    pub(super) async fn hub88(&self, call: &str, body: &Value) -> Value {
        let body = body.to_string();
        let signature = rsa(body.as_bytes());
        let answer =
            self.call("hub88", &format!("/{call}"), &[("x-hub88-signature", &signature)], &body).await;
        assert_eq!(answer.status, 200);
        answer.json()
    }

    pub(super) async fn pateplay(&self, call: &str, body: &Value) -> Value {
        let body = body.to_string();
        let signature = hmac(&demo::secret_of(DialectName::Pateplay), &[body.as_bytes()]);
        let headers = [("x-api-key", demo::PATEPLAY_API_KEY), ("x-api-hmac", &*signature)];
        let answer = self.call("pateplay", &format!("/{call}"), &headers, &body).await;
        assert_eq!(answer.status, 200);
        answer.json()
    }

    pub(super) async fn evolution(&self, call: &str, body: &str) -> Answer {
        let token = demo::secret_of(DialectName::Evolution);
        let answer = self.call("evolution", &format!("/{call}?authToken={token}"), &[], body).await;
        assert_eq!(answer.status, 200);
        answer
    }

    pub(super) async fn pragmatic(&self, call: &str, parameters: &[(&str, &str)]) -> Value {
        let body = signed_form(parameters, &demo::secret_of(DialectName::Pragmatic));
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.call("pragmatic", &format!("/{call}"), &headers, &body).await;
        assert_eq!(answer.status, 200);
        answer.json()
    }
}

/// The signature of the demo's Hub88.
pub(super) fn rsa(body: &[u8]) -> String {
    let pem: String = demo::HUB88_PRIVATE_KEY.lines().filter(|line| !line.starts_with("-----")).collect();
    let key = ring::signature::RsaKeyPair::from_pkcs8(&STANDARD.decode(pem).unwrap()).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    let random = ring::rand::SystemRandom::new();
    key.sign(&ring::signature::RSA_PKCS1_SHA256, &random, body, &mut signature).unwrap();
    STANDARD.encode(signature)
}

/// A form with its hash.
pub(crate) fn signed_form(parameters: &[(&str, &str)], secret: &str) -> String {
    // What is empty is not signed.
    let mut sorted: Vec<_> = parameters.iter().copied().filter(|(_, value)| !value.is_empty()).collect();
    sorted.sort_unstable();
    let text = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let hash = hex::encode(Md5::digest(format!("{text}{secret}")));
    let mut all = parameters.to_vec();
    all.push(("hash", &hash));
    serde_urlencoded::to_string(all).unwrap()
}
