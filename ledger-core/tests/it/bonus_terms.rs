//! What terms of bonuses say beyond play: what leaving does to an award (B.7, B20, B35), which jurisdictions forbid them
//! (B05), which bonuses go together. Every case asserts both books.

use ledger_core::stored::ExclusionKind;
use ledger_core::testing::{Scenario, commands, given, given_house, given_nobody, house_commands};
use ledger_core::{
    AwardStatus, BonusRestrictions, BonusRule, BonusTerms, ExcludePlayer, GrantBonus, JurisdictionDocument,
    JurisdictionProfile, MaxConversion, NotAllowedReason, OnLeaving, OnWithdrawal, OpenPlayer, Policy,
    Principal, QuoteError, Rejection, Reward, WageringBase, WithdrawalQuote,
};

use AwardStatus::{Active, Completed, Completing, Expired, Forfeited, Queued};

fn leaving(withdrawal: OnWithdrawal, times: u32) -> BonusTerms {
    let mut terms = commands::bonus_terms(times);
    terms.leaving.withdrawal = withdrawal;
    terms
}

/// 100 deposited and 100 given under these terms.
fn doubled(terms: BonusTerms) -> Scenario {
    given().cash("100.00").terms("welcome", terms).when(commands::grant_bonus("A", "100")).applied()
}

fn quote(scenario: &Scenario, amount: &str) -> Result<WithdrawalQuote, QuoteError> {
    let ledger = scenario.ledger();
    let (amount, euro) = (commands::decimal(amount), commands::currency("EUR"));
    WithdrawalQuote::of(ledger.state(), ledger.policy(), amount, euro, ledger.now())
}

/// What a quote says of awards: name, credits, what is held, what was given.
fn at_stake(scenario: &Scenario, amount: &str) -> Vec<[String; 4]> {
    let all = quote(scenario, amount).unwrap().forfeits;
    let texts = |of: &ledger_core::AwardAtStake| {
        [of.award.id.to_string(), of.credits.to_string(), of.held.to_string(), of.amount.to_string()]
    };
    all.iter().map(texts).collect()
}

fn lost(of: [&str; 4]) -> [String; 4] {
    of.map(ToOwned::to_owned)
}

/// A self-exclusion without an end.
fn self_exclusion(id: &str) -> ExcludePlayer {
    commands::exclude(id, ExclusionKind::SelfExclusion, None)
}

fn no(reason: NotAllowedReason) -> Rejection {
    Rejection::NotAllowed { reason }
}

// Withdrawals.

#[test]
fn b20_cash_is_withdrawn_and_the_untouched_bonus_dropped() {
    for rule in [OnWithdrawal::Forfeit, OnWithdrawal::CashFree] {
        let grown = doubled(leaving(rule, 30)).bet("T1", "R", "20").win_close("W1", "R", "100");
        assert_eq!(at_stake(&grown, "180"), [lost(["A", "100.00", "0.00", "100.00"])], "{rule:?}");
        let asked = grown.when(commands::request("Z1", "180")).applied();
        let _ = asked
            .records(&["entry.posted", "withdrawal.requested", "entry.posted", "bonus.forfeited"])
            .answered("0.00")
            .award_is("A", Forfeited)
            .accounts(&[
                ("bonus:forfeited of welcome", "100.00"),
                ("bonus:issued of welcome", "100.00"),
                ("gaming:payouts of game", "100.00"),
                ("gaming:stakes of game", "20.00"),
                ("player:withdrawal_pending of cashier/Z1", "180.00"),
                ("psp:clearing of psp", "100.00"),
            ])
            // What is not sent in the end does not bring it back.
            .when(commands::cancel_withdrawal("C1", "Z1"))
            .award_is("A", Forfeited)
            .available("180.00");
    }
}

#[test]
fn b35_a_withdrawal_while_a_bonus_is_wagered_is_as_its_terms_say() {
    // 30 times deposit and bonus are 6,000; 600 of them are wagered, nothing won or lost.
    let player = |rule: OnWithdrawal| {
        let mut terms = leaving(rule, 30);
        terms.wagering.base = WageringBase::DepositAndBonus;
        let deposit = Some(commands::payment("D1"));
        let grant = GrantBonus { deposit, ..commands::grant_bonus("A", "100") };
        let mut player = given().terms("welcome", terms).when(commands::deposit("D1", "100")).when(grant);
        for n in 0..6 {
            let (bet, win) = (format!("T{n}"), format!("W{n}"));
            player = player.bet(&bet, &bet, "100").win_close(&win, &bet, "100");
        }
        player.wagered("A", "600.00", "6000.00")
    };
    let accounts = |bonus: &'static [(&'static str, &'static str)], asked: bool| {
        let money: &[(&str, &str)] = if asked {
            &[("player:cash", "50.00"), ("player:withdrawal_pending of cashier/Z1", "50.00")]
        } else {
            &[("player:cash", "100.00")]
        };
        let played = [("gaming:payouts of game", "600.00"), ("gaming:stakes of game", "600.00")];
        let book = [("bonus:issued of welcome", "100.00"), ("psp:clearing of psp", "100.00")];
        [money, &played, &book, bonus].concat()
    };
    let request = || commands::request("Z1", "50");
    let forfeits = player(OnWithdrawal::Forfeit);
    assert_eq!(at_stake(&forfeits, "50"), [lost(["A", "100.00", "0.00", "100.00"])]);
    let gone = accounts(&[("bonus:forfeited of welcome", "100.00")], true);
    let _ = forfeits.when(request()).applied().accounts(&gone).award_is("A", Forfeited);

    let free = player(OnWithdrawal::CashFree);
    assert!(at_stake(&free, "50").is_empty());
    let stays = accounts(&[("player:bonus of crm/A", "100.00")], true);
    let _ = free.when(request()).applied().accounts(&stays).wagered("A", "600.00", "6000.00");

    let rule = Rejection::BonusRule { rule: BonusRule::Withdrawal };
    let blocked = player(OnWithdrawal::Block);
    assert_eq!(quote(&blocked, "50"), Err(QuoteError::Refused(rule.clone())));
    let untouched = accounts(&[("player:bonus of crm/A", "100.00")], false);
    let refused = blocked.when(request()).rejected("bonus_rule").refused_as(&rule).accounts(&untouched);
    // He may give it up and then have his money.
    let given_up = refused.when(commands::forfeit_bonus("F1", "A"));
    let _ = given_up.when(commands::request("Z2", "50")).applied();
    // What is more than there is is told after it.
    let _ = player(OnWithdrawal::Block).when(commands::request("Z1", "100.01")).rejected("bonus_rule");
}

#[test]
fn b20_a_withdrawal_takes_every_award_of_its_currency_by_its_own_terms() {
    // One is played with and has a stake in a round, one waits and one is in another currency.
    let both = given().cash("10.00").terms("welcome", leaving(OnWithdrawal::Forfeit, 30));
    let both = both.when(commands::grant_bonus("A", "20")).when(commands::grant_bonus("B", "7")).applied();
    let both = both.terms("welcome", leaving(OnWithdrawal::CashFree, 30));
    let both = both.when(commands::grant_bonus("C", "5")).bet("T1", "R", "16").applied();
    let both = both.cash("2.00");
    let told = [lost(["A", "14.00", "6.00", "20.00"]), lost(["B", "0.00", "0.00", "7.00"])];
    assert_eq!(at_stake(&both, "1"), told);
    let asked = both.when(commands::request("Z1", "1")).applied();
    let _ = asked
        .award_is("A", Forfeited)
        .award_is("B", Forfeited)
        .award_is("C", Active)
        .accounts(&[
            ("bonus:forfeited of welcome", "14.00"),
            ("bonus:issued of welcome", "25.00"),
            ("player:bonus of crm/C", "5.00"),
            ("player:bonus_held of prov/R/crm/A", "6.00"),
            ("player:cash", "1.00"),
            ("player:held of prov/R", "10.00"),
            ("player:withdrawal_pending of cashier/Z1", "1.00"),
            ("psp:clearing of psp", "12.00"),
        ])
        // The rest of the cash takes the last one, which no cash is left for.
        .when(commands::request("Z2", "1"))
        .award_is("C", Forfeited);
    let dollars = given_nobody().when(commands::open(&["EUR", "USD"])).cash("10.00");
    let mut terms = commands::bonus_terms(30);
    let most = [(commands::currency("USD"), "100.00".parse().unwrap())].into();
    terms.reward = Reward::Given { most };
    let grant = GrantBonus { currency: commands::currency("USD"), ..commands::grant_bonus("A", "20") };
    let asked = dollars.terms("welcome", terms).when(grant).when(commands::request("Z1", "10")).applied();
    let _ = asked.award_is("A", Active);
}

#[test]
fn what_is_wagered_to_its_end_is_not_lost_by_leaving() {
    let done = |rule| {
        let terms = leaving(rule, 1);
        let player = given().cash("6.00").terms("welcome", terms).when(commands::grant_bonus("A", "10"));
        player.bet("T1", "R", "10").award_is("A", Completing).cash("5.00")
    };
    let end = |left: Scenario| left.applied().win_close("W1", "R", "50").award_is("A", Completed);
    for rule in [OnWithdrawal::Forfeit, OnWithdrawal::Block, OnWithdrawal::CashFree] {
        assert!(at_stake(&done(rule), "5").is_empty());
        // 6 of cash and 4 of credits staked win 30 and 20; 6 credits were left.
        let _ = end(done(rule).when(commands::request("Z1", "5"))).available("56.00").accounts(&[
            ("bonus:converted of welcome", "26.00"),
            ("bonus:cost of welcome", "26.00"),
            ("bonus:issued of welcome", "10.00"),
            ("bonus:payouts of game", "20.00"),
            ("bonus:stakes of game", "4.00"),
            ("gaming:payouts of game", "30.00"),
            ("gaming:stakes of game", "6.00"),
            ("player:cash", "56.00"),
            ("player:withdrawal_pending of cashier/Z1", "5.00"),
            ("psp:clearing of psp", "11.00"),
        ]);
    }
    let _ = end(done(OnWithdrawal::Forfeit).when(commands::close_player("Z1"))).available("61.00");
    let _ = end(done(OnWithdrawal::Forfeit).when(self_exclusion("Z1"))).available("61.00");
}

#[test]
fn an_award_whose_time_is_over_expires_and_holds_nothing_back() {
    for rule in [OnWithdrawal::Forfeit, OnWithdrawal::Block] {
        let terms = BonusTerms { expires_after_secs: Some(60), ..leaving(rule, 30) };
        let late = doubled(terms).after_secs(60);
        assert!(at_stake(&late, "100").is_empty());
        let asked = late.when(commands::request("Z1", "100")).applied().award_is("A", Expired);
        let _ = asked.accounts(&[
            ("bonus:expired of welcome", "100.00"),
            ("bonus:issued of welcome", "100.00"),
            ("player:withdrawal_pending of cashier/Z1", "100.00"),
            ("psp:clearing of psp", "100.00"),
        ]);
    }
}

// Exclusions and closing.

#[test]
fn a_self_exclusion_and_closing_do_what_the_terms_say() {
    let gone = &[
        ("bonus:forfeited of welcome", "100.00"),
        ("bonus:issued of welcome", "100.00"),
        ("player:cash", "100.00"),
        ("psp:clearing of psp", "100.00"),
    ];
    let kept = &[
        ("bonus:issued of welcome", "100.00"),
        ("player:bonus of crm/A", "100.00"),
        ("player:cash", "100.00"),
        ("psp:clearing of psp", "100.00"),
    ];
    let player = |self_exclusion, closing| {
        let mut terms = leaving(OnWithdrawal::Block, 30);
        (terms.leaving.self_exclusion, terms.leaving.closing) = (self_exclusion, closing);
        doubled(terms)
    };
    let (keep, forfeit) = (OnLeaving::Keep, OnLeaving::Forfeit);
    let excluded = player(forfeit, keep).when(self_exclusion("X1")).applied();
    let _ = excluded.accounts(gone).award_is("A", Forfeited);
    let closed = player(keep, forfeit).when(commands::close_player("X1")).applied();
    let _ = closed.accounts(gone).award_is("A", Forfeited);
    let closed = player(forfeit, keep).when(commands::close_player("X1")).applied();
    let _ = closed.accounts(kept).award_is("A", Active);
    // What he cannot wager does not hold his money back: it goes with it (W16).
    let excluded = player(keep, forfeit).when(self_exclusion("X1")).applied().accounts(kept);
    assert_eq!(at_stake(&excluded, "60"), [lost(["A", "100.00", "0.00", "100.00"])]);
    let asked = excluded.when(commands::request("Z1", "60")).applied().award_is("A", Forfeited);
    let _ = asked.accounts(&[
        ("bonus:forfeited of welcome", "100.00"),
        ("bonus:issued of welcome", "100.00"),
        ("player:cash", "40.00"),
        ("player:withdrawal_pending of cashier/Z1", "60.00"),
        ("psp:clearing of psp", "100.00"),
    ]);
    // A time-out does nothing to it.
    let pause = player(forfeit, forfeit)
        .when(commands::exclude("X1", ExclusionKind::TimeOut, Some("2026-01-02T00:00:00Z".parse().unwrap())))
        .applied();
    let _ = pause.accounts(kept).award_is("A", Active);
}

// Jurisdictions.

fn opened(jurisdiction: &str, policy: Policy) -> Scenario {
    let open = OpenPlayer { jurisdiction: commands::jurisdiction(jurisdiction), ..commands::open(&["EUR"]) };
    given_nobody().policy(policy).when(open).applied()
}

fn policy(terms: BonusTerms) -> Policy {
    Policy { bonuses: [(commands::terms_name("welcome"), terms)].into(), ..Policy::default() }
}

/// What a jurisdiction that forbids so much answers to a grant of 10, and to a policy with the terms.
#[track_caller]
fn forbidden(bonuses: BonusRestrictions, terms: &BonusTerms) -> (String, String) {
    let profile = JurisdictionProfile { bonuses, ..JurisdictionProfile::default() };
    let mut policy = policy(terms.clone());
    policy.jurisdictions.insert(commands::jurisdiction("XX"), profile);
    let player = opened("XX", policy.clone()).when(commands::grant_bonus("A", "10"));
    let house = given_house("configuration").when(house_commands::publish_policy("P1", &policy));
    (player.answer().outcome.text(), house.answer().outcome.text())
}

#[test]
fn b05_great_britain_allows_ten_times_and_cash_that_is_free() {
    let free = |times| leaving(OnWithdrawal::CashFree, times);
    let ten = opened("GB", policy(free(10))).when(commands::grant_bonus("A", "10")).applied();
    let _ = ten
        .wagered("A", "0.00", "100.00")
        .accounts(&[("bonus:issued of welcome", "10.00"), ("player:bonus of crm/A", "10.00")]);
    let refused = no(NotAllowedReason::TermsForbidden);
    for (jurisdiction, terms) in [
        ("GB", free(11)),
        ("GB-ENG", free(11)),
        ("GB", leaving(OnWithdrawal::Forfeit, 10)),
        ("GB", leaving(OnWithdrawal::Block, 1)),
    ] {
        let grant = opened(jurisdiction, policy(terms)).when(commands::grant_bonus("A", "10"));
        let _ = grant.rejected("not_allowed").refused_as(&refused).accounts(&[]);
    }
    let _ = opened("MT", policy(free(35))).when(commands::grant_bonus("A", "10")).applied();
    // Of deposit and bonus: six times of 200 is twelve times of 100. A grant looks at the amounts.
    let mut both = free(6);
    both.wagering.base = WageringBase::DepositAndBonus;
    let most = [(commands::currency("EUR"), "1000.00".parse().unwrap())].into();
    both.reward = Reward::Match { rate: commands::basis_points(10_000), most };
    let player = |terms: BonusTerms| opened("GB", policy(terms)).when(commands::deposit("D1", "100"));
    let grant = |amount: Option<&str>| GrantBonus {
        amount: amount.map(commands::decimal),
        deposit: Some(commands::payment("D1")),
        ..commands::grant_bonus("A", "0")
    };
    let _ = player(both.clone()).when(grant(None)).refused_as(&refused);
    both.wagering.times = commands::basis_points(50_000);
    let _ = player(both.clone()).when(grant(None)).applied().wagered("A", "0.00", "1000.00");
    both.reward = leaving(OnWithdrawal::CashFree, 1).reward;
    let _ = player(both.clone()).when(grant(Some("99.99"))).refused_as(&refused);
    let _ = player(both).when(grant(Some("100"))).applied();
}

#[test]
fn b05_what_a_jurisdiction_forbids_is_neither_published_nor_granted() {
    let all = BonusRestrictions::NONE;
    let plain = commands::bonus_terms(10);
    let capped = BonusTerms {
        max_conversion: Some(MaxConversion::Times { times: commands::basis_points(50_000) }),
        ..plain.clone()
    };
    let short = BonusTerms { expires_after_secs: Some(59), ..plain.clone() };
    let enough = BonusTerms { expires_after_secs: Some(60), ..plain.clone() };
    let ten = BonusRestrictions { wagering_max: Some(commands::basis_points(100_000)), ..all };
    let cases = [
        (BonusRestrictions { forbidden: true, ..all }, &plain, false),
        (ten, &commands::bonus_terms(11), false),
        (ten, &plain, true),
        (BonusRestrictions { no_max_conversion: true, ..all }, &capped, false),
        (BonusRestrictions { no_max_conversion: true, ..all }, &plain, true),
        (BonusRestrictions { cash_free: true, ..all }, &plain, false),
        (BonusRestrictions { least_secs: Some(60), ..all }, &short, false),
        (BonusRestrictions { least_secs: Some(60), ..all }, &enough, true),
        (BonusRestrictions { least_secs: Some(60), ..all }, &plain, true),
    ];
    for (restrictions, terms, passes) in cases {
        let expected = if passes {
            ("applied", "applied")
        } else {
            ("rejected:not_allowed", "refused:document_invalid")
        };
        let (granted, published) = forbidden(restrictions, terms);
        assert_eq!((granted.as_str(), published.as_str()), expected, "{restrictions:?}");
    }
}

#[test]
fn terms_are_for_the_jurisdictions_they_name() {
    let named = |codes: &[&str], times| BonusTerms {
        jurisdictions: codes.iter().map(|code| commands::jurisdiction(code)).collect(),
        ..commands::bonus_terms(times)
    };
    let grant = |jurisdiction: &str, codes: &[&str]| {
        opened(jurisdiction, policy(named(codes, 30))).when(commands::grant_bonus("A", "10"))
    };
    let elsewhere = no(NotAllowedReason::TermsElsewhere);
    let _ = grant("MT", &["MT", "DE"]).applied();
    let _ = grant("DE-BY", &["DE"]).applied();
    let _ = grant("ES", &["MT", "DE"]).rejected("not_allowed").refused_as(&elsewhere).accounts(&[]);
    let _ = grant("DE", &["DE-BY"]).refused_as(&elsewhere);
    // Terms that Great Britain forbids may be published for others; without a set they are for all that the policy names.
    let publish = |codes: &[&str], times, names: &[&str]| {
        let mut policy = policy(named(codes, times));
        let known = JurisdictionDocument::shipped().unwrap();
        let chosen = known.into_iter().filter(|of| names.contains(&of.jurisdiction.as_str()));
        policy.jurisdictions = chosen.map(|of| (of.jurisdiction, of.profile)).collect();
        given_house("configuration").when(house_commands::publish_policy("P1", &policy))
    };
    let _ = publish(&[], 30, &["MT"]).applied();
    let _ = publish(&[], 30, &["GB", "MT"]).refused("document_invalid");
    let _ = publish(&["MT"], 30, &["GB", "MT"]).applied();
    let _ = publish(&["GB"], 30, &[]).refused("document_invalid");
    let _ = publish(&[], 30, &["DK"]).refused("document_invalid");
}

#[test]
fn terms_that_contradict_themselves_are_neither_published_nor_granted() {
    let release = |share| BonusTerms {
        release_every: Some(commands::basis_points(share)),
        ..commands::bonus_terms(30)
    };
    let sticky = BonusTerms { principal: Principal::Removed, ..release(1_000) };
    for terms in [release(0), release(10_001), sticky] {
        let refused = no(NotAllowedReason::TermsContradictory);
        let _ =
            opened("MT", policy(terms.clone())).when(commands::grant_bonus("A", "10")).refused_as(&refused);
        let house = given_house("configuration").when(house_commands::publish_policy("P1", &policy(terms)));
        let _ = house.refused("document_invalid");
    }
    // Free rounds need terms that give what they won.
    let mut unknown = policy(commands::bonus_terms(30));
    unknown.free_round_bonuses = [(commands::sub_account("spins"), commands::terms_name("other"))].into();
    let house = || given_house("configuration");
    let _ = house().when(house_commands::publish_policy("P1", &unknown)).refused("document_invalid");
    unknown.free_round_bonuses = [(commands::sub_account("spins"), commands::terms_name("welcome"))].into();
    let _ = house().when(house_commands::publish_policy("P1", &unknown)).applied();
}

// Which bonuses go together.

#[test]
fn bonuses_that_do_not_go_together_wait_for_nobody_and_are_refused() {
    let reload = |not: &[&str]| BonusTerms {
        campaign: commands::sub_account("reload"),
        not_beside: not.iter().map(|of| commands::sub_account(of)).collect(),
        ..commands::bonus_terms(30)
    };
    let welcome = |not: &[&str]| BonusTerms {
        not_beside: not.iter().map(|of| commands::sub_account(of)).collect(),
        ..commands::bonus_terms(30)
    };
    let second = || GrantBonus { terms: commands::terms_name("reload"), ..commands::grant_bonus("B", "5") };
    let player = |first: BonusTerms, other: BonusTerms| {
        let player = given().terms("welcome", first).terms("reload", other);
        player.when(commands::grant_bonus("A", "10")).applied()
    };
    let refused = no(NotAllowedReason::NotBeside);
    for (first, other) in [(&["reload"][..], &[][..]), (&[], &["welcome"])] {
        let both = player(welcome(first), reload(other)).when(second());
        let both = both
            .rejected("not_allowed")
            .refused_as(&refused)
            .accounts(&[("bonus:issued of welcome", "10.00"), ("player:bonus of crm/A", "10.00")]);
        let later = GrantBonus { id: commands::txn("C"), ..second() };
        let _ = both.when(commands::forfeit_bonus("F1", "A")).when(later).applied().award_is("C", Active);
    }
    let _ = player(welcome(&["other"]), reload(&[])).when(second()).applied().award_is("B", Queued);
}
