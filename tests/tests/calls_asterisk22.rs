//! Asterisk 22 with chan_pjsip.

use trunkguard_tests::{
    Root, cases,
    scenario::{Down, Plan},
};

const REDIRECT: Plan = Plan {
    root: Root::Asterisk22,
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

/// FreePBX's trunk sequence asks nothing of the box but its status codes, and sends no P-tfps.
const FREEPBX: Plan = Plan {
    layers: &["freepbx-trunk"],
    profile: "freepbx-trunk",
    caller: "4165551234",
    down: Down::Open,
    fields: 0,
    ..REDIRECT
};

const FREEPBX_603: Plan = Plan {
    client: "deny_code = 603",
    ..FREEPBX
};

/// Refusals of TFPS 2 are a 302 too, with a reason where the number would be.
const TFPS: Plan = Plan {
    profile: "tfps-codes",
    ..REDIRECT
};

/// A PBX that calls the Contact's host itself, with a Contact that names the box.
const LOOP: Plan = Plan {
    layers: &["redirect", "calls-the-contact"],
    client: "contact_host = \"127.0.0.20:5060\"",
    ..REDIRECT
};

const CREDENTIALS: Plan = Plan {
    layers: &["redirect", "credentials"],
    client: "credentials = { username = \"office\", password = \"long-enough-secret\" }",
    ..REDIRECT
};

const TCP: Plan = Plan {
    layers: &["redirect", "over-tcp"],
    ..REDIRECT
};

const TLS: Plan = Plan {
    layers: &["redirect", "over-tls"],
    options: &["--sips", "127.0.0.20:5061"],
    ..REDIRECT
};

const FAILOVER_TCP: Plan = Plan {
    layers: &["failover", "over-tcp"],
    ..FAILOVER
};

cases!(REDIRECT =>
    calls_ast22_redirect_approved = approved,
    calls_ast22_redirect_denied = denied,
    calls_ast22_redirect_emergency_in_lockdown = emergency_in_lockdown,
    calls_ast22_redirect_detect_then_prevent = detect_then_prevent,
    calls_ast22_redirect_box_down = box_down,
    calls_ast22_redirect_restarted_mid_call = restarted_mid_call,
    calls_ast22_redirect_qualified = qualified,
    calls_ast22_redirect_one_at_a_time = one_at_a_time,
);

cases!(FAILOVER =>
    calls_ast22_failover_approved = approved,
    calls_ast22_failover_denied = denied,
    calls_ast22_failover_emergency_in_lockdown = emergency_in_lockdown,
    calls_ast22_failover_detect_then_prevent = detect_then_prevent,
    calls_ast22_failover_box_down = box_down,
    calls_ast22_failover_restarted_mid_call = restarted_mid_call,
);

cases!(FREEPBX =>
    calls_ast22_freepbx_trunk_approved = approved,
    calls_ast22_freepbx_trunk_denied = denied,
    calls_ast22_freepbx_trunk_emergency_in_lockdown = emergency_in_lockdown,
    calls_ast22_freepbx_trunk_detect_then_prevent = detect_then_prevent,
    calls_ast22_freepbx_trunk_box_down = box_down,
    calls_ast22_freepbx_trunk_restarted_mid_call = restarted_mid_call,
    calls_ast22_freepbx_trunk_qualified = qualified,
);

cases!(CREDENTIALS =>
    calls_ast22_credentials_denied = denied,
    calls_ast22_credentials_wrong = wrong_credentials,
);

cases!(TCP =>
    calls_ast22_tcp_denied = denied,
    calls_ast22_tcp_restarted_mid_call = restarted_mid_call,
);

cases!(TLS =>
    calls_ast22_tls_denied = denied,
    calls_ast22_tls_restarted_mid_call = restarted_mid_call,
);

cases!(FREEPBX_603 =>
    calls_ast22_freepbx_trunk_603_would_leak = refusal_leaks,
);

cases!(TFPS =>
    calls_ast22_tfps_codes_denied = denied,
);

cases!(LOOP =>
    calls_ast22_loop_is_cut = loop_is_cut,
);

cases!(FAILOVER_TCP =>
    calls_ast22_failover_tcp_away_would_leak = away_leaks,
);
