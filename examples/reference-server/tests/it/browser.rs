//! The pages in a real browser: Chromium goes where a person would, with scripts, under the pages' own rules of what may run.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_testkit::web::ensure_chromium;
use reference_server::Config;
use reference_server::demo::{CASHIER_KEY, OFFICE_KEY, PROVIDER_KEY};
use serde_json::{Value, json};

use crate::site::Site;

/// The longest that anything is waited for.
const LIMIT: Duration = Duration::from_secs(30);

/// A browser without a window, spoken to over pipes in the words of the `DevTools` protocol.
struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: Option<String>,
    calls: u64,
    /// What the browser has against the pages.
    faults: Vec<String>,
    loads: u64,
    _folder: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Browser {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let profile = folder.path().to_str().unwrap();
        // It hears on its third file, and speaks on its fourth. Users who may do everything have no sandbox.
        let program = ensure_chromium().unwrap();
        let script = format!(
            "exec {program} --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
             --no-proxy-server --disable-background-networking --disable-component-update \
             --user-data-dir={profile} --remote-debugging-pipe about:blank 3<&0 4>&1"
        );
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (send, from) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(out).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { continue };
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let (session, calls, faults, loads) = (None, 0, Vec::new(), 0);
        let mut browser = Self { child, to, from, session, calls, faults, loads, _folder: folder };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", &attach);
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// The next message; what it says against a page is kept.
    fn hear(&mut self, until: Instant) -> Value {
        let left = until.saturating_duration_since(Instant::now());
        let message = self.from.recv_timeout(left).expect("the browser answers in time");
        match message["method"].as_str() {
            Some("Page.loadEventFired") => self.loads += 1,
            Some("Runtime.exceptionThrown") => self.faults.push(message["params"].to_string()),
            Some("Log.entryAdded") if message["params"]["entry"]["level"] == "error" => {
                self.faults.push(message["params"]["entry"].to_string());
            }
            Some("Runtime.consoleAPICalled") if message["params"]["type"] == "error" => {
                self.faults.push(message["params"].to_string());
            }
            _ => {}
        }
        message
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to.write_all(message.to_string().as_bytes()).unwrap();
        self.to.write_all(&[0]).unwrap();
        let until = Instant::now() + LIMIT;
        loop {
            let message = self.hear(until);
            if message["id"] == json!(id) {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    /// What an expression comes to in the page; a promise is waited for.
    fn value(&mut self, expression: &str) -> Value {
        let of = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", &of);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Does something that leads to another page, and waits until that is there.
    fn go(&mut self, how: impl FnOnce(&mut Self)) {
        let loads = self.loads;
        how(self);
        let until = Instant::now() + LIMIT;
        while self.loads == loads {
            self.hear(until);
        }
    }

    /// Follows a link of the page.
    fn follow(&mut self, href: &str) {
        let click = format!("document.querySelector('a[href=\"{href}\"]').click()");
        self.go(|browser| drop(browser.value(&click)));
    }

    fn heading(&mut self) -> String {
        self.value("document.querySelector('h1').textContent").as_str().unwrap().to_owned()
    }

    /// Waits until the page says something.
    fn waits_for(&mut self, text: &str) {
        let text = json!(text);
        let seen = format!(
            "new Promise(seen => {{ \
               const look = () => document.body.innerText.includes({text}); \
               if (look()) return seen(true); \
               const watch = new MutationObserver(() => {{ if (look()) {{ watch.disconnect(); seen(true); }} }}); \
               watch.observe(document.body, {{childList: true, subtree: true, characterData: true}}); \
             }})"
        );
        assert_eq!(self.value(&seen), json!(true));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_walks_the_pages() {
    let site = Site::with(|config| Config { demo: true, ..config }).await;
    site.player("b/1 ?", "100.00", "EUR").await;
    let base = site.http.base();
    let (asked, ask) = (tokio::runtime::Handle::current(), site.http.clone());
    let post = move |key: &str, path: &str, body: Value| {
        let (status, answer) = asked.block_on(ask.ask(axum::http::Method::POST, key, path, &body));
        assert_eq!(status, 200, "{answer}");
    };
    let walk = move || {
        let mut browser = Browser::start();
        let key = STANDARD.encode(format!("anna:{OFFICE_KEY}"));
        let headers = json!({"headers": {"Authorization": format!("Basic {key}")}});
        browser.call("Network.setExtraHTTPHeaders", &headers);
        browser.go(|browser| drop(browser.call("Page.navigate", &json!({"url": format!("{base}/")}))));
        assert_eq!(browser.heading(), "Overview");
        let links = browser.value("[...document.querySelectorAll('nav a')].map(a => a.getAttribute('href'))");
        let links: Vec<String> = serde_json::from_value(links).unwrap();
        assert_eq!(links, ["/", "/feed", "/player", "/revenue", "/payouts", "/verify"]);
        for link in &links {
            browser.follow(link);
            let here = browser
                .value("[location.pathname, document.querySelector('[aria-current]').getAttribute('href')]");
            assert_eq!(here, json!([link, link]));
            // The styles are there, and nothing is wider than the window but what scrolls by itself.
            let looks = "[getComputedStyle(document.body).fontFamily !== '', document.styleSheets[0].cssRules.length > 5, \
                document.documentElement.scrollWidth <= innerWidth]";
            assert_eq!(browser.value(looks), json!([true, true, true]), "{link}");
        }
        // What happens comes into the page of what happens.
        browser.follow("/feed");
        browser.waits_for("bet.placed");
        let listens = "new Promise(open => { const feed = new EventSource('/feed/live'); \
            feed.onopen = () => { feed.close(); open(true); }; })";
        assert_eq!(browser.value(listens), json!(true));
        let money = |amount: &str| json!({"amount": amount, "currency": "EUR"});
        let bet = |id: &str| json!({"requestId": id, "playerId": "b/1 ?", "roundId": id, "gameId": "hmac:crash", "stake": money("7.77")});
        post(PROVIDER_KEY, "/bets/place", bet("live-1"));
        browser.waits_for("7.77 EUR");
        // And from there to the player, whatever he is called.
        browser.follow("/player/b%2F1%20%3F");
        assert_eq!(browser.value("location.pathname"), json!("/player/b%2F1%20%3F"));
        browser.waits_for("92.23");
        post(PROVIDER_KEY, "/bets/place", bet("live-2"));
        browser.waits_for("84.46");
        let deposit = json!({"requestId": "d2", "playerId": "b/1 ?", "amount": money("0.54")});
        post(CASHIER_KEY, "/deposits", deposit);
        browser.waits_for("85.00");
        // A player is found by the form.
        browser.follow("/player");
        browser.go(|browser| {
            browser.value("document.querySelector('#id').value = 'alice'; document.querySelector('form').requestSubmit()");
        });
        assert_eq!(browser.value("location.pathname"), json!("/player/alice"));
        browser.follow("/verify");
        browser.go(|browser| {
            drop(browser.call("Page.navigate", &json!({"url": format!("{base}/verify?all=yes")})));
        });
        browser.waits_for("All is right");
        assert_eq!(browser.faults, Vec::<String>::new());
    };
    tokio::task::spawn_blocking(walk).await.unwrap();
    site.end().await;
}
