//! The house's share of `goldens.rs`: one event of every type, and digests of its commands.

use ledger_core::stored::{
    AccrualDirection, AuthorityLine, AuthorityPart, AuthoritySettled, BadDebtRecovered, CancelProof,
    ChargebackLost, DocumentPublished, DocumentStored, DutyAccrued, Event, EventRecord, FundsExchanged,
    FundsTransferred, FxDirection, FxResultBooked, HouseEntryRef, JackpotSeeded, JournalDeclined,
    JournalPosted, JournalProposed, LossDirection, Money, ProviderFeesAccrued, ProviderLine, ProviderPart,
    ProviderSettled, PspLine, PspPart, PspSettled, SeedMovement, ShapeLevel, ShapesActivated,
    SuspenseAssigned, SuspenseAssignmentCancelled, SuspenseCaptured, SuspenseLanded, SuspenseOrigin,
    SuspenseReturned, TransactionRef,
};
use ledger_core::stored::{
    AwardOutcome, JackpotAwardSettled, JackpotAwarded, JackpotClaimRef, JackpotConfigured, JackpotOverflow,
    JackpotRate, JackpotStatus, JackpotStatusChanged, JackpotSwept, JackpotTerms, SweepOrigin, SweptPart,
};
use ledger_core::stored::{
    BarredPayee, PrizeOutcome, TournamentCancelled, TournamentClosed, TournamentConfigured, TournamentEnded,
    TournamentEntryReleased, TournamentEntryTaken, TournamentOpened, TournamentPlaces, TournamentPrize,
    TournamentPrizeSettled, TournamentRank, TournamentRanked, TournamentRemainder, TournamentScored,
    TournamentTerms, TurnedAway,
};
use ledger_core::testing::commands::{currency, game, person, round, source, txn};
use ledger_core::testing::house_commands::{
    self as commands, assignment, day, own_bank, players_bank, reason,
};
use ledger_core::{
    AccountCode, AccountKind, Amount, Authorisation, BasisPoints, ContentHash, DocumentContent, Entry,
    HouseCommand, OperationKind, PlayerId, Posting, Side, SubAccount,
};

use crate::goldens::{compare, dir};

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn record(stream: &str, version: u64, event: Event) -> EventRecord {
    EventRecord::new(stream.parse().unwrap(), version, event)
}

fn txn_ref(kind: OperationKind, id: &str) -> TransactionRef {
    TransactionRef { source: source("office"), kind, id: txn(id) }
}

fn money(text: &str, code: &str) -> Money {
    Money { currency: currency(code), amount: amount(text) }
}

/// Five euros of a bank charge, as a journal entry.
fn bank_charge() -> Entry {
    let of = |text: &str| Some(SubAccount::new(text).unwrap());
    let leg =
        |side, account, of| Posting { side, account, of, amount: amount("5.00"), currency: currency("EUR") };
    let postings = vec![
        leg(Side::Debit, AccountCode::HostExpense, of("acme/bank")),
        leg(Side::Credit, AccountCode::BankOperating, of("main")),
    ];
    Entry::of_house(AccountKind::Real, postings).unwrap()
}

fn documents() -> Vec<EventRecord> {
    let content = DocumentContent::new(r#"{"limit":"10.00"}"#).unwrap();
    let hash = content.hash();
    let published = DocumentPublished {
        txn: txn_ref(OperationKind::Document, "P2"),
        hash,
        effective_from: "2026-02-01T00:00:00Z".parse().unwrap(),
        previous: Some(ContentHash::of(b"{}")),
        reason: reason("as agreed"),
        author: person("anna"),
        approved_by: person("boris"),
    };
    vec![
        record(
            &format!("content/configuration/{hash}"),
            1,
            Event::DocumentStored(DocumentStored { hash, content }),
        ),
        record("document/configuration/terms/summer", 2, Event::DocumentPublished(published)),
        record(
            "house/configuration",
            1,
            Event::ShapesActivated(ShapesActivated {
                level: ShapeLevel(2),
                reason: reason("no older release is left"),
            }),
        ),
    ]
}

fn of_psp() -> Vec<EventRecord> {
    let (house, item) = ("house/psp~1acme", "suspense/psp~1acme/D1");
    let part = |line, text| PspPart { line, amount: amount(text) };
    let settled = PspSettled {
        batch: txn("B1"),
        value_date: day("2026-01-31"),
        bank: players_bank("main"),
        currency: currency("USD"),
        lines: vec![
            part(PspLine::Payments, "110.00"),
            part(PspLine::Fees, "2.90"),
            part(PspLine::ReserveHeld, "11.00"),
        ],
        net: amount("96.10"),
        converted: Some(money("87.36", "EUR")),
        by: person("anna"),
        entry: 7,
    };
    let lost = ChargebackLost {
        reference: txn("CB1"),
        direction: LossDirection::Taken,
        currency: currency("EUR"),
        amount: amount("100.00"),
        fee: Some(amount("15.00")),
        reason: reason("the account was never ours"),
        by: person("anna"),
        entry: 8,
    };
    let captured = SuspenseCaptured {
        origin: SuspenseOrigin::Capture,
        currency: currency("EUR"),
        amount: amount("100.00"),
        authorisation: Some(Authorisation::new("auth-7").unwrap()),
        entry: 9,
    };
    let assigned = SuspenseAssigned {
        txn: txn_ref(OperationKind::SuspenseAssignment, "A1"),
        player: PlayerId::new("p1").unwrap(),
        by: person("anna"),
        approved_by: person("boris"),
    };
    let cancelled = SuspenseAssignmentCancelled {
        txn: txn_ref(OperationKind::AssignmentCancel, "C1"),
        assignment: assignment("A1"),
        proof: CancelProof::Refused,
        by: person("anna"),
        approved_by: person("boris"),
    };
    let landed = SuspenseLanded {
        txn: txn_ref(OperationKind::SuspenseLanding, "L1"),
        assignment: assignment("A1"),
        player_entry: 4,
    };
    let returned = SuspenseReturned {
        txn: txn_ref(OperationKind::SuspenseReturn, "R1"),
        by: person("anna"),
        approved_by: person("boris"),
        entry: 10,
    };
    vec![
        record(house, 1, Event::PspSettled(settled)),
        record(house, 2, Event::ChargebackLost(lost)),
        record(item, 1, Event::SuspenseCaptured(captured)),
        record(item, 2, Event::SuspenseAssigned(assigned)),
        record(item, 3, Event::SuspenseAssignmentCancelled(cancelled)),
        record(item, 3, Event::SuspenseLanded(landed)),
        record(item, 4, Event::SuspenseReturned(returned)),
    ]
}

fn of_others() -> Vec<EventRecord> {
    let (provider, authority) = ("house/provider~1prov", "house/authority~1MT");
    let by = || person("anna");
    let approved_by = || person("boris");
    let fees = ProviderFeesAccrued {
        txn: txn_ref(OperationKind::ProviderFeeAccrual, "F1"),
        direction: AccrualDirection::Charge,
        from: day("2026-01-01"),
        to: day("2026-01-31"),
        currency: currency("EUR"),
        amount: amount("120.00"),
        by: by(),
        entry: 1,
    };
    let part = |line, text| ProviderPart { line, amount: amount(text) };
    let settled = ProviderSettled {
        statement: txn("S1"),
        value_date: day("2026-02-10"),
        bank: own_bank("main"),
        currency: currency("EUR"),
        lines: vec![part(ProviderLine::Jackpots, "500.00"), part(ProviderLine::Fees, "120.00")],
        net: amount("380.00"),
        converted: Some(money("418.00", "USD")),
        by: by(),
        approved_by: Some(approved_by()),
        entry: 2,
    };
    let duty = DutyAccrued {
        txn: txn_ref(OperationKind::DutyAccrual, "D1"),
        direction: AccrualDirection::Charge,
        from: day("2026-01-01"),
        to: day("2026-01-31"),
        currency: currency("EUR"),
        amount: amount("210.00"),
        by: by(),
        entry: 1,
    };
    let paid = AuthoritySettled {
        statement: txn("S1"),
        value_date: day("2026-02-10"),
        bank: own_bank("main"),
        currency: currency("EUR"),
        lines: vec![
            AuthorityPart { line: AuthorityLine::Duty, amount: amount("210.00") },
            AuthorityPart { line: AuthorityLine::WithheldTax, amount: amount("20.00") },
        ],
        net: amount("-230.00"),
        converted: Some(money("253.00", "USD")),
        by: by(),
        approved_by: Some(approved_by()),
        entry: 2,
    };
    vec![
        record(provider, 1, Event::ProviderFeesAccrued(fees)),
        record(provider, 2, Event::ProviderSettled(settled)),
        record(authority, 1, Event::DutyAccrued(duty)),
        record(authority, 2, Event::AuthoritySettled(paid)),
    ]
}

fn of_treasury() -> Vec<EventRecord> {
    let (house, jackpot) = ("house/treasury", "house/jackpot~1mega");
    let by = || person("anna");
    let approved_by = || person("boris");
    let transferred = FundsTransferred {
        txn: txn_ref(OperationKind::FundsTransfer, "T1"),
        value_date: day("2026-01-31"),
        from: players_bank("main"),
        to: own_bank("main"),
        currency: currency("EUR"),
        amount: amount("50.00"),
        by: by(),
        approved_by: Some(approved_by()),
        entry: 1,
    };
    let exchanged = FundsExchanged {
        txn: txn_ref(OperationKind::FundsExchange, "X1"),
        value_date: day("2026-01-31"),
        from: players_bank("dollars"),
        given: money("110.00", "USD"),
        to: players_bank("main"),
        received: money("101.00", "EUR"),
        by: by(),
        approved_by: approved_by(),
        entry: 2,
    };
    let result = FxResultBooked {
        txn: txn_ref(OperationKind::FxResult, "G1"),
        as_of: day("2026-01-31"),
        direction: FxDirection::Gain,
        currency: currency("EUR"),
        amount: amount("1.00"),
        by: by(),
        entry: 3,
    };
    let recovered = BadDebtRecovered {
        txn: txn_ref(OperationKind::DebtRecovery, "R1"),
        value_date: day("2026-01-31"),
        bank: own_bank("main"),
        currency: currency("EUR"),
        amount: amount("60.00"),
        reason: reason("the collector paid"),
        by: by(),
        entry: 4,
    };
    let seeded = JackpotSeeded {
        txn: txn_ref(OperationKind::JackpotSeed, "J1"),
        movement: SeedMovement::CostToPool,
        currency: currency("EUR"),
        amount: amount("1000.00"),
        by: by(),
        approved_by: approved_by(),
        entry: 1,
    };
    vec![
        record(house, 1, Event::FundsTransferred(transferred)),
        record(house, 2, Event::FundsExchanged(exchanged)),
        record(house, 3, Event::FxResultBooked(result)),
        record(house, 4, Event::BadDebtRecovered(recovered)),
        record(jackpot, 1, Event::JackpotSeeded(seeded)),
    ]
}

fn terms() -> JackpotTerms {
    JackpotTerms {
        must_hit_by: Some(amount("5000.00")),
        ceiling: Some(amount("4000.00")),
        overflow: Some(commands::jackpot("mini")),
        diversion: BasisPoints::new(1_000).unwrap(),
        games: [(game("slot"), JackpotRate::Fixed(amount("0.002500")))].into(),
        ..commands::jackpot_terms("1000.00")
    }
}

fn of_jackpot() -> Vec<EventRecord> {
    let jackpot = "house/jackpot~1mega";
    let configured = JackpotConfigured {
        txn: txn_ref(OperationKind::JackpotConfiguration, "C1"),
        terms: terms(),
        reason: reason("a new game"),
        by: person("anna"),
        approved_by: person("boris"),
    };
    let overflow =
        |number, part| JackpotOverflow { number, to: commands::jackpot("mini"), parts: vec![part] };
    let changed = JackpotStatusChanged {
        txn: txn_ref(OperationKind::JackpotStatus, "S1"),
        status: JackpotStatus::Closed,
        moves_to: Some(commands::jackpot("mini")),
        overflow: Some(overflow(2, money("1500.250000", "EUR"))),
        from_reserve: vec![money("250.000000", "EUR")],
        reason: reason("the game is taken down"),
        by: person("anna"),
        approved_by: person("boris"),
        entry: Some(4),
    };
    let swept = JackpotSwept {
        origin: SweepOrigin::Shard(3),
        after: 100,
        up_to: 250,
        parts: vec![SweptPart {
            currency: currency("EUR"),
            contributed: amount("12.345678"),
            drawn: amount("5.000000"),
        }],
        reserved: Some(amount("1.234567")),
        overflow: Some(overflow(1, money("0.500000", "EUR"))),
        entry: Some(2),
    };
    let claim =
        JackpotClaimRef { player: PlayerId::new("p1").unwrap(), source: source("prov"), id: txn("J1") };
    let awarded = JackpotAwarded {
        number: 1,
        claim,
        round: round("R"),
        currency: currency("EUR"),
        amount: amount("1234.56"),
        carried: amount("0.004321"),
        seed_from_reserve: Some(amount("250.000000")),
        seed_from_cost: Some(amount("750.000000")),
        entry: Some(3),
    };
    let settled = JackpotAwardSettled { award: 1, outcome: AwardOutcome::Paid(9) };
    vec![
        record(jackpot, 2, Event::JackpotConfigured(configured)),
        record(jackpot, 6, Event::JackpotStatusChanged(changed)),
        record(jackpot, 3, Event::JackpotSwept(swept)),
        record(jackpot, 4, Event::JackpotAwarded(awarded)),
        record(jackpot, 5, Event::JackpotAwardSettled(settled)),
    ]
}

fn of_tournament() -> Vec<EventRecord> {
    let cup = "house/tournament~1cup";
    let terms = TournamentTerms {
        guarantee: amount("100.00"),
        games: [game("slot")].into(),
        prizes: vec![
            TournamentPlaces { places: 1, prize: TournamentPrize::Fixed(amount("50.00")) },
            TournamentPlaces { places: 2, prize: TournamentPrize::Share(BasisPoints::new(2_500).unwrap()) },
        ],
        remainder: TournamentRemainder::Place(1),
        ..commands::tournament_terms("10.00", "1.00")
    };
    let hash = commands::open_tournament("O1", &terms).terms;
    let at = |text: &str| text.parse().unwrap();
    let configured = TournamentConfigured {
        txn: txn_ref(OperationKind::TournamentConfiguration, "C1"),
        version: 1,
        terms,
        hash,
        reason: reason("the spring cup"),
        by: person("anna"),
        approved_by: person("boris"),
    };
    let opened = TournamentOpened {
        txn: txn_ref(OperationKind::TournamentOpening, "O1"),
        terms: hash,
        by: person("anna"),
    };
    let taken = TournamentEntryTaken {
        number: 1,
        of: commands::entry_of("p1", "E1"),
        currency: ledger_core::testing::commands::currency("EUR"),
        buy_in: amount("10.00"),
        fee: amount("1.00"),
        entered_at: at("2026-01-01T00:10:00Z"),
        turned_away: Some(TurnedAway::Full),
    };
    let released = TournamentEntryReleased {
        number: 1,
        of: commands::entry_of("p1", "E1"),
        overlay: Some(amount("10.00")),
        entry: Some(2),
    };
    let scored = TournamentScored {
        player: PlayerId::new("p1").unwrap(),
        up_to: 17,
        points: amount("-12.50"),
        bets: 3,
        reached_at: at("2026-01-01T00:20:00Z"),
    };
    let closed = TournamentClosed {
        entries: 3,
        ranked: 2,
        collected: amount("30.00"),
        prizes: amount("25.00"),
        overlay: Some(amount("70.00")),
        to_house: Some(amount("5.00")),
        entry: Some(1),
    };
    let rank = TournamentRank {
        place: 1,
        number: 1,
        of: commands::entry_of("p1", "E1"),
        points: amount("12.50"),
        bets: 3,
        prize: Some(amount("50.00")),
    };
    let ranked = TournamentRanked {
        page: 1,
        currency: ledger_core::testing::commands::currency("EUR"),
        barred: BarredPayee::Forfeit,
        ranks: vec![rank],
    };
    let settled = TournamentPrizeSettled {
        number: 1,
        of: commands::entry_of("p1", "E1"),
        outcome: PrizeOutcome::Paid(9),
        entry: Some(3),
    };
    let cancelled = TournamentCancelled {
        txn: txn_ref(OperationKind::TournamentCancel, "Z1"),
        entries: 3,
        reason: reason("the game was at fault"),
        by: person("anna"),
        approved_by: person("boris"),
    };
    vec![
        record(cup, 1, Event::TournamentConfigured(configured)),
        record(cup, 2, Event::TournamentOpened(opened)),
        record(cup, 3, Event::TournamentEntryTaken(taken)),
        record(cup, 4, Event::TournamentEntryReleased(released)),
        record(cup, 5, Event::TournamentScored(scored)),
        record(cup, 6, Event::TournamentEnded(TournamentEnded { entries: 3 })),
        record(cup, 7, Event::TournamentClosed(closed)),
        record(cup, 8, Event::TournamentRanked(ranked)),
        record(cup, 9, Event::TournamentPrizeSettled(settled)),
        record(cup, 10, Event::TournamentCancelled(cancelled)),
    ]
}

fn of_journal() -> Vec<EventRecord> {
    let journal = "journal/journal/office/J1";
    let proposed = JournalProposed {
        proposal: bank_charge(),
        reason: reason("the bank charged us"),
        corrects: Some(HouseEntryRef { house: commands::house("treasury"), entry: 3 }),
        by: person("anna"),
    };
    let posted = JournalPosted { txn: txn("D1"), by: person("boris"), entry: 1 };
    let declined = JournalDeclined { txn: txn("D2"), by: person("boris") };
    vec![
        record(journal, 1, Event::JournalProposed(proposed)),
        record(journal, 2, Event::JournalPosted(posted)),
        record(journal, 2, Event::JournalDeclined(declined)),
    ]
}

/// One event of every type, every optional field there, in the order of the types.
pub(crate) fn samples() -> Vec<EventRecord> {
    [documents(), of_psp(), of_others(), of_treasury(), of_jackpot(), of_tournament(), of_journal()].concat()
}

pub(crate) const DIGESTS: &str = "digests.house.v1.json";

fn every_command() -> Vec<(&'static str, HouseCommand)> {
    let psp = commands::settle_psp("B1", &[(PspLine::Fees, "2.90"), (PspLine::Payments, "100")], "97.1");
    let converted = commands::converted("88", "USD");
    let with_fee = ledger_core::RecordChargebackLoss {
        fee: Some(ledger_core::testing::commands::decimal("15")),
        ..commands::lose_chargeback("CB1", "100")
    };
    let cup = commands::tournament_terms("10.00", "1.00");
    let legs = vec![
        commands::leg("dr", "host:expense", "acme/bank", "5"),
        commands::leg("cr", "bank:operating", "main", "5.00"),
    ];
    let corrects = Some(HouseEntryRef { house: commands::house("treasury"), entry: 3 });
    let journal = ledger_core::ProposeJournal { corrects, ..commands::propose_journal("J1", legs) };
    vec![
        ("currencies", commands::register("EUR").into()),
        ("configuration", commands::publish("P1", "terms", "summer", r#"{"limit":"10.00"}"#).into()),
        ("configuration", commands::activate(2).into()),
        ("psp/acme", psp.clone().into()),
        ("psp/acme", ledger_core::SettlePsp { converted: Some(converted), ..psp }.into()),
        ("psp/acme", with_fee.into()),
        ("psp/acme", commands::win_chargeback("CB2", "100").into()),
        ("psp/acme", commands::capture_unknown("D1", "100").into()),
        ("psp/acme", commands::assign("A1", "D1", "p1").into()),
        ("psp/acme", commands::confirm("L1", "D1", "A1").into()),
        ("psp/acme", commands::cancel_assignment("C1", "D1", "A1").into()),
        ("psp/acme", commands::return_item("R1", "D1").into()),
        ("provider/prov", commands::accrue_fees("F1", "120").into()),
        ("provider/prov", commands::settle_provider("S1", &[(ProviderLine::Fees, "120")], "-120").into()),
        ("authority/MT", commands::credit_duty("D1", "210").into()),
        ("authority/MT", commands::settle_authority("S1", &[(AuthorityLine::Duty, "210")], "-210").into()),
        ("treasury", commands::cover("T1", "50").into()),
        ("treasury", commands::exchange_funds("X1", "110", "101").into()),
        ("treasury", commands::fx_result("G1", FxDirection::Gain, "1").into()),
        ("treasury", commands::recover_debt("R1", "60").into()),
        ("jackpot/mega", commands::seed("J1", SeedMovement::CostToPool, "1000").into()),
        ("jackpot/mega", commands::configure("C1", terms()).into()),
        ("jackpot/mega", commands::close_jackpot("S1", "mini").into()),
        ("jackpot/mega", commands::sweep(3, 100, 250, "12.345678").into()),
        ("jackpot/mega", commands::award("p1", "J1").into()),
        ("jackpot/mega", commands::award_paid(1, 9).into()),
        ("jackpot/mega", commands::award_refused(2).into()),
        ("tournament/cup", commands::configure_tournament("C1", cup.clone()).into()),
        ("tournament/cup", commands::open_tournament("O1", &cup).into()),
        ("tournament/cup", commands::cancel_tournament("Z1").into()),
        ("tournament/cup", commands::take_entry("p1", "E1").into()),
        ("tournament/cup", commands::release_entry("p1", "E1").into()),
        ("tournament/cup", commands::score("p1", 17, "12.5").into()),
        ("tournament/cup", commands::end_tournament().into()),
        ("tournament/cup", commands::close_tournament().into()),
        ("tournament/cup", ledger_core::RankTournament { page: 1 }.into()),
        ("tournament/cup", commands::prize_paid(1, 9).into()),
        ("tournament/cup", commands::prize_forfeited(2).into()),
        ("journal", journal.into()),
        ("journal", commands::approve_journal("D1", "J1").into()),
        ("test/psp/acme", commands::capture_unknown("D1", "100").into()),
    ]
}

/// See `goldens.rs`: a fingerprint or digest that changed would hide what is known.
#[test]
fn digests_of_the_house_are_what_they_always_were() {
    let mut lines = Vec::new();
    for (house, command) in every_command() {
        let id = commands::house(house);
        let partition = ledger_core::Partition::House(id.clone());
        let key = command.key(&id).unwrap();
        lines.push(format!("{partition} {key} {}", command.fingerprint()));
    }
    for stream in samples().iter().map(|record| &record.stream) {
        let digest = stream.digest();
        let hex = digest.as_bytes().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        lines.push(format!("stream {stream} {hex}"));
    }
    lines.dedup();
    let text = serde_json::to_string_pretty(&lines).unwrap();
    compare(&dir("tests/golden").join(DIGESTS), &text).unwrap();
}

#[test]
fn every_command_of_the_house_has_a_digest_and_reads_back() {
    let all = every_command();
    for name in HouseCommand::NAMES {
        let snake = name.chars().enumerate().fold(String::new(), |mut text, (at, c)| {
            if c.is_uppercase() && at > 0 {
                text.push('_');
            }
            text.push(c.to_ascii_lowercase());
            text
        });
        let mut found = 0;
        for (house, command) in &all {
            let written = serde_json::to_string(command).unwrap();
            assert_eq!(serde_json::from_str::<HouseCommand>(&written).unwrap(), *command);
            assert!(command.is_for(&commands::house(house)), "{written}");
            found += usize::from(written.contains(&format!("{{\"command\":\"{snake}\"")));
        }
        assert!(found > 0, "{name}");
    }
}

/// Who acts and who approves is not part of an operation: whoever sends a copy sends a copy.
#[test]
fn a_copy_from_another_person_is_a_copy() {
    for (_, command) in every_command() {
        let written = serde_json::to_string(&command).unwrap();
        let other = written.replace("\"approved_by\":\"boris\"", "\"approved_by\":\"carla\"");
        let other: HouseCommand = serde_json::from_str(&other).unwrap();
        assert_eq!(other.fingerprint(), command.fingerprint(), "{written}");
    }
}

/// The order of lines says nothing.
#[test]
fn lines_in_another_order_are_the_same_settlement() {
    let lines = |all: &[(PspLine, &str)]| HouseCommand::from(commands::settle_psp("B1", all, "7"));
    let one = lines(&[(PspLine::Payments, "10"), (PspLine::Fees, "3")]);
    let other = lines(&[(PspLine::Fees, "3.0"), (PspLine::Payments, "10.00")]);
    assert_eq!(one.fingerprint(), other.fingerprint());
    let changed = lines(&[(PspLine::Fees, "10"), (PspLine::Payments, "3")]);
    assert_ne!(one.fingerprint(), changed.fingerprint());
}

/// Whatever histories of the house write fits the schemas.
#[cfg(feature = "schema")]
#[test]
fn what_histories_of_the_house_write_fits_the_schemas() {
    use ledger_core::testing::generators::{self, HOUSES, HouseStep};
    use proptest::strategy::{Strategy as _, ValueTree as _};
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for house in HOUSES {
        for _ in 0..15 {
            let history = generators::house_histories(house, 10..40).new_tree(&mut runner).unwrap().current();
            let mut core = ledger_core::testing::TestHouse::new(house);
            for step in &history {
                if let HouseStep::Command(command) = step {
                    core.execute(command).unwrap();
                }
            }
            for record in core.events() {
                let (name, version) = (record.event.type_name(), record.event.schema());
                let path = dir("schemas").join(format!("{name}.v{version}.json"));
                let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
                let data = serde_json::to_value(record).unwrap()["data"].clone();
                crate::json_schema::check(&schema, &data).unwrap_or_else(|error| panic!("{name}: {error}"));
                seen.insert(name);
            }
        }
    }
    assert!(seen.len() >= 20, "{seen:?}");
}

fn page() -> String {
    std::fs::read_to_string(dir("../docs/house.md")).unwrap()
}

/// `docs/house.md` has every command with the kind of its key, and says truly which need a second person in any case.
#[test]
fn the_page_of_the_house_has_every_command() {
    let page = page();
    let (_, section) = page.split_once("\n## The commands\n").unwrap();
    let (table, _) = section.split_once("\n## ").unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let named: Vec<String> = rows.iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    assert_eq!(named, HouseCommand::NAMES);
    for (_, command) in every_command() {
        let written = serde_json::to_value(&command).unwrap();
        let name = written["command"].as_str().unwrap();
        let row = rows.iter().find(|row| row[0].to_lowercase().replace('`', "") == name.replace('_', ""));
        let row = row.unwrap_or_else(|| panic!("{name} is not on the page"));
        assert_eq!(row[1], format!("`{}`", command.kind().as_str()), "{name}");
        let fields = written.as_object().unwrap();
        assert_eq!(
            row[4] == "yes" || row[4].starts_with("if "),
            fields.contains_key("approved_by"),
            "{name}"
        );
        let sender = if fields.contains_key("source") { "sender" } else { "counterpart" };
        let is_sender = row[2] == "sender";
        assert!(is_sender == (sender == "sender"), "{name}: {}", row[2]);
    }
}

/// The commands that the page shows are applied where it says.
#[test]
fn the_commands_on_the_page_of_the_house_are_accepted() {
    let page = page();
    let blocks: Vec<&str> =
        page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 2);
    for (block, partition) in blocks.iter().zip(["psp/acme", "configuration"]) {
        let command: HouseCommand = serde_json::from_str(block).unwrap();
        let _ = ledger_core::testing::given_house(partition).when(command).applied();
    }
}
