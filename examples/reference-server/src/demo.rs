//! The demo casino: two brands, a provider of every dialect with keys that everybody knows, games of every category,
//! and players with some play behind them.

use std::fmt::Write as _;
use std::sync::Arc;

use casino_ledger::core::{
    AccountKind, BrandId, CurrencyCode, Finality, GameId, InstrumentId, JurisdictionId, OfferBonus,
    OpenPlayer, PlaceBet, PlayerCommand, PlayerId, RecordDeposit, RequestWithdrawal, RoundId, Settle,
    SourceId, TermsName, TransactionId,
};
use casino_ledger::{Decimal, Lane, Request};

use crate::casino::Casino;
use crate::config::{
    Brand, Category, Config, DialectName, Game, KeyConfig, ProviderConfig, Role, Secret, hash_of_key,
};

/// The key of the house's own games.
pub const PROVIDER_KEY: &str = "demo-provider-key-of-house-games";
/// The key of the cashier.
pub const CASHIER_KEY: &str = "demo-cashier-key-of-the-platform";
/// The key of an operator.
pub const OFFICE_KEY: &str = "demo-office-key-of-anna-operator";
/// The key of a second operator, for what needs two.
pub const SECOND_OFFICE_KEY: &str = "demo-office-key-of-ben-operator0";
/// The key of what watches the server.
pub const MONITOR_KEY: &str = "demo-monitor-key-of-prometheus-00";
/// The private key of the demo's Hub88, which signs its calls. Everybody knows it.
pub const HUB88_PRIVATE_KEY: &str = include_str!("../demo/hub88-private.pem");
const HUB88_PUBLIC_KEY: &str = include_str!("../demo/hub88-public.pem");

/// The shared secret of a demo provider.
pub fn secret_of(dialect: DialectName) -> String {
    format!("demo-secret-of-{}", dialect.as_str())
}

/// What the demo's Pateplay names itself by.
pub const PATEPLAY_API_KEY: &str = "demo-api-key-of-pateplay";

/// The demo's configuration.
pub fn config() -> Config {
    let key = |name: &str, role, source: &str, key: &str| KeyConfig {
        name: name.to_owned(),
        role,
        source: Some(source.to_owned()),
        sha256: hash_of_key(key),
    };
    let brand = |id: &str, name: &str, jurisdiction: &str, zone: &str, currencies: &[&str]| Brand {
        id: id.to_owned(),
        name: name.to_owned(),
        jurisdiction: jurisdiction.to_owned(),
        zone: zone.to_owned(),
        currencies: currencies.iter().map(ToString::to_string).collect(),
    };
    Config {
        demo: true,
        demo_policy: true,
        secret: Secret::new("the demo's secret, which everybody knows"),
        keys: vec![
            key("house-games", Role::Provider, "house-games", PROVIDER_KEY),
            key("platform", Role::Cashier, "cashier", CASHIER_KEY),
            key("anna.operator", Role::Office, "office", OFFICE_KEY),
            key("ben.operator", Role::Office, "office", SECOND_OFFICE_KEY),
            key("prometheus", Role::Monitor, "prometheus", MONITOR_KEY),
        ],
        brands: vec![
            brand("lucky", "Lucky Reels", "MT", "Europe/Malta", &["EUR", "USD"]),
            brand("nova", "Nova Casino", "CW", "America/Curacao", &["EUR", "USD"]),
        ],
        providers: DialectName::ALL.into_iter().map(provider).collect(),
        games: games(),
        ..Config::default()
    }
}

fn provider(dialect: DialectName) -> ProviderConfig {
    let provider = ProviderConfig::new(dialect.as_str(), dialect);
    match dialect {
        DialectName::Hub88 => ProviderConfig { public_key: Some(HUB88_PUBLIC_KEY.to_owned()), ..provider },
        DialectName::Pateplay => ProviderConfig {
            secret: Secret::new(secret_of(dialect)),
            api_key: Secret::new(PATEPLAY_API_KEY),
            ..provider
        },
        _ => ProviderConfig { secret: Secret::new(secret_of(dialect)), ..provider },
    }
}

fn games() -> Vec<Game> {
    let game = |provider: DialectName, code: &str, name: &str, category, rtp: &str, max: &str| Game {
        id: format!("{}:{code}", provider.as_str()),
        provider: provider.as_str().to_owned(),
        code: code.to_owned(),
        name: name.to_owned(),
        category,
        rtp: Some(rtp.to_owned()),
        min_bet: Some("0.01".to_owned()),
        max_bet: Some(max.to_owned()),
        active: true,
    };
    vec![
        game(DialectName::Hmac, "crash", "Rocket Crash", Category::Crash, "0.9700", "1000.00"),
        game(DialectName::Hmac, "derby", "Virtual Derby", Category::Sport, "0.9200", "1000.00"),
        game(DialectName::Hub88, "book", "Book of Ledgers", Category::Slots, "0.9610", "500.00"),
        game(DialectName::Gcp, "acceptance:test", "Acceptance Test", Category::Slots, "0.9600", "1000000.00"),
        game(DialectName::Pateplay, "test-game", "Test Game", Category::Jackpot, "0.9450", "100000.00"),
        game(DialectName::Evolution, "table-9", "Baccarat 9", Category::Live, "0.9894", "5000.00"),
        game(
            DialectName::Pragmatic,
            "vs20olympgate",
            "Gates of Balance",
            Category::Slots,
            "0.9650",
            "500.00",
        ),
        game(DialectName::Pragmatic, "bjma", "Blackjack", Category::Tables, "0.9950", "5000.00"),
    ]
}

/// What the demo prints when it listens.
pub fn welcome(base: &str) -> String {
    let mut text = format!(
        "\nThe demo casino. Its keys are known to everyone.\n\n  pages          {base}/          sign in with \
         any name and the office key\n  API            {base}/docs\n  figures        {base}/metrics   with \
         the monitor key\n\n  \
         provider key   {PROVIDER_KEY}\n  cashier key    {CASHIER_KEY}\n  office keys    {OFFICE_KEY}\n                 \
         {SECOND_OFFICE_KEY}\n  monitor key    {MONITOR_KEY}\n\nTry:\n\n  curl -s -X POST {base}/bets/place -H 'Authorization: Bearer \
         {PROVIDER_KEY}' \\\n    -H 'Content-Type: application/json' -d '{{\"requestId\":\"first-bet\",\"playerId\":\"alice\",\
         \"wallet\":\"cash\",\"roundId\":\"first-round\",\"gameId\":\"hmac:crash\",\"stake\":{{\"amount\":\"10.00\",\
         \"currency\":\"EUR\"}}}}'\n\nGame providers call {base}/rgs/provider/ID/callback, with ID one of\n "
    );
    for dialect in DialectName::ALL {
        let _ = write!(text, " {}", dialect.as_str());
    }
    text.push_str("\n\nEnd it with Ctrl-C. Its money stays in the folder casino-data.\n");
    text
}

/// The players: id, brand, currency, deposit.
const PLAYERS: [(&str, &str, &str, u32); 6] = [
    ("alice", "lucky", "EUR", 500),
    ("bob", "lucky", "EUR", 250),
    ("carla", "lucky", "USD", 1_000),
    ("dinesh", "nova", "USD", 300),
    ("emma", "nova", "EUR", 150),
    ("farid", "nova", "EUR", 2_000),
];

/// How many rounds each of them has played.
const ROUNDS: u32 = 24;

/// Gives a ledger the demo's players with their play. Every command has the same key each time, so a second time
/// nothing happens.
///
/// # Errors
///
/// If the ledger fails.
pub async fn fill(casino: &Arc<Casino>) -> anyhow::Result<()> {
    let last = PlayerId::new(PLAYERS[PLAYERS.len() - 1].0)?;
    if casino.ledger.player(&last).await?.state.open_withdrawals() > 0 {
        return Ok(());
    }
    let mut requests = Vec::new();
    for (index, (player, brand, currency, deposit)) in (0..).zip(PLAYERS) {
        let player = PlayerId::new(player)?;
        for command in life(casino, index, brand, currency.parse()?, deposit)? {
            // One lane, so that a player's commands are decided in their order.
            requests.push(Request { lane: Some(Lane::Cashier), ..Request::new(player.clone(), command) });
        }
    }
    for answer in casino.ledger.execute_all(requests).await {
        answer?;
    }
    Ok(())
}

fn life(
    casino: &Casino,
    index: u32,
    brand: &str,
    currency: CurrencyCode,
    deposit: u32,
) -> anyhow::Result<Vec<PlayerCommand>> {
    let brand_id = BrandId::new(brand)?;
    let of = casino.checked.brands.get(&brand_id);
    let (jurisdiction, zone) = of.map_or(("MT", "Europe/Malta"), |of| (&*of.jurisdiction, &*of.zone));
    let cashier = SourceId::new("cashier")?;
    let mut commands: Vec<PlayerCommand> = vec![
        OpenPlayer {
            operator: casino.checked.operator.clone(),
            brand: brand_id,
            jurisdiction: JurisdictionId::new(jurisdiction)?,
            zone: zone.to_owned(),
            kind: AccountKind::Real,
            currencies: ["EUR", "USD"].into_iter().map(str::parse).collect::<Result<_, _>>()?,
            person: None,
        }
        .into(),
        RecordDeposit {
            source: cashier.clone(),
            id: TransactionId::new("demo-deposit")?,
            amount: Decimal::from(deposit),
            currency,
            authorisation: None,
            instrument: Some(InstrumentId::new("card_tok_demo")?),
            intent: None,
            fee: None,
            rate: None,
        }
        .into(),
    ];
    let games: Vec<(&GameId, &Game)> = casino.checked.games.iter().collect();
    for round in 0..ROUNDS {
        // A pattern, not chance: the demo's figures are the same every time.
        let draw = (index * 31 + round * 17) % 97;
        let Some((game, of)) = games.get((index + round) as usize % games.len().max(1)) else { break };
        let source = SourceId::new(&of.provider)?;
        let name = format!("demo-{round}");
        let (txn, id) = (TransactionId::new(&name)?, RoundId::new(&name)?);
        let stake = Decimal::from(1 + draw % 10);
        let payout = match draw % 8 {
            0 | 1 => stake * Decimal::from(2),
            2 => stake * Decimal::from(3),
            3 => Decimal::new(5, 1) * stake,
            _ => Decimal::ZERO,
        };
        let bet = PlaceBet::new(source.clone(), txn, id.clone(), (*game).clone(), stake, currency);
        commands.push(bet.into());
        // The last round stays open.
        if round + 1 < ROUNDS {
            // Of some providers an id is used once, whatever for.
            let won = TransactionId::new(format!("{name}-win"))?;
            let win = Settle::new(source, won, id, payout, currency);
            commands.push(Settle { finality: Finality::Round, ..win }.into());
        }
    }
    commands.push(
        OfferBonus {
            source: SourceId::new("office")?,
            id: TransactionId::new("demo-gift")?,
            terms: TermsName::new("gift")?,
            currency,
            amount: Some(Decimal::from(20)),
            until: None,
        }
        .into(),
    );
    commands.push(
        RequestWithdrawal {
            source: cashier,
            id: TransactionId::new("demo-withdrawal")?,
            amount: Decimal::from(60 + 10 * index),
            currency,
            destination: InstrumentId::new("iban_tok_demo")?,
            proof: None,
            method: None,
            kyc: None,
            by: None,
            forfeits_at_most: None,
        }
        .into(),
    );
    Ok(commands)
}
