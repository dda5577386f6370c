//! Asterisk 16 with chan_sip.

use trunkguard_tests::{
    Root, cases,
    scenario::{Down, Plan},
};

const REDIRECT: Plan = Plan {
    root: Root::Asterisk16,
    layers: &["redirect"],
    profile: "redirect",
    client: "",
    answers: &[],
    options: &[],
    caller: "1001",
    down: Down::AsSet,
    fields: 5,
};

const FAILOVER: Plan = Plan {
    layers: &["failover"],
    profile: "failover",
    ..REDIRECT
};

const CREDENTIALS: Plan = Plan {
    layers: &["redirect", "credentials"],
    client: "credentials = { username = \"office\", password = \"long-enough-secret\" }",
    ..REDIRECT
};

/// A PBX that calls the Contact's host itself, with a Contact that names the box.
const LOOP: Plan = Plan {
    layers: &["redirect", "calls-the-contact"],
    client: "contact_host = \"127.0.0.20:5060\"",
    ..REDIRECT
};

const TCP: Plan = Plan {
    layers: &["redirect", "over-tcp"],
    ..REDIRECT
};

cases!(REDIRECT =>
    calls_ast16_redirect_approved = approved,
    calls_ast16_redirect_denied = denied,
    calls_ast16_redirect_emergency_in_lockdown = emergency_in_lockdown,
    calls_ast16_redirect_detect_then_prevent = detect_then_prevent,
    calls_ast16_redirect_box_down = box_down,
    calls_ast16_redirect_restarted_mid_call = restarted_mid_call,
    calls_ast16_redirect_qualified = qualified,
    calls_ast16_redirect_one_at_a_time = one_at_a_time,
);

cases!(FAILOVER =>
    calls_ast16_failover_approved = approved,
    calls_ast16_failover_denied = denied,
    calls_ast16_failover_emergency_in_lockdown = emergency_in_lockdown,
    calls_ast16_failover_detect_then_prevent = detect_then_prevent,
    calls_ast16_failover_box_down = box_down,
    calls_ast16_failover_restarted_mid_call = restarted_mid_call,
);

cases!(CREDENTIALS =>
    calls_ast16_credentials_denied = denied,
    calls_ast16_credentials_wrong = wrong_credentials,
);

cases!(TCP =>
    calls_ast16_tcp_denied = denied,
);

cases!(LOOP =>
    calls_ast16_loop_is_cut = loop_is_cut,
);
