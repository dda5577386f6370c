//! Files of `trunkguard pbx-config` in an Asterisk 16 (chan_sip), and in what stands for FreePBX 16.

use trunkguard_tests::{
    Root, cases,
    scenario::{Down, Plan},
};

const REDIRECT: Plan = Plan {
    root: Root::Asterisk16,
    layers: &["as-installed"],
    profile: "",
    client: "",
    answers: &["--pbx", "asterisk-chan-sip"],
    options: &[],
    caller: "1001",
    down: Down::AsSet,
    fields: 5,
};

const REDIRECT_OPEN: Plan = Plan {
    answers: &["--pbx", "asterisk-chan-sip", "--when-away", "open"],
    ..REDIRECT
};

const FAILOVER: Plan = Plan {
    answers: &["--pbx", "asterisk-chan-sip", "--method", "failover"],
    ..REDIRECT
};

const FAILOVER_OPEN: Plan = Plan {
    answers: &[
        "--pbx",
        "asterisk-chan-sip",
        "--method",
        "failover",
        "--when-away",
        "open",
    ],
    ..REDIRECT
};

const TCP: Plan = Plan {
    answers: &["--pbx", "asterisk-chan-sip", "--to-box", "tcp"],
    ..REDIRECT
};

const PREFIX: Plan = Plan {
    answers: &[
        "--pbx",
        "asterisk-chan-sip",
        "--outside-prefix",
        "9",
        "--own-trunk",
        "1001:100000_front",
    ],
    ..REDIRECT
};

/// The hook for FreePBX; its trunks are those of the tests.
const FREEPBX: Plan = Plan {
    layers: &["freepbx-hook"],
    answers: &[
        "--pbx",
        "freepbx",
        "--freepbx",
        "16",
        "--driver",
        "chan-sip",
    ],
    ..REDIRECT
};

const FREEPBX_OPEN: Plan = Plan {
    answers: &[
        "--pbx",
        "freepbx",
        "--freepbx",
        "16",
        "--driver",
        "chan-sip",
        "--when-away",
        "open",
    ],
    ..FREEPBX
};

cases!(REDIRECT =>
    pbx_config16_redirect_approved = approved,
    pbx_config16_redirect_denied = denied,
    pbx_config16_redirect_detect_then_prevent = detect_then_prevent,
    pbx_config16_redirect_dials_as_voipms = dials_as_voipms,
    pbx_config16_redirect_calls_from_the_account = calls_from_the_account,
    pbx_config16_redirect_emergency_asks_nobody = emergency_asks_nobody,
    pbx_config16_redirect_fails_closed = fails_closed,
    pbx_config16_redirect_restarted_mid_call = restarted_mid_call,
);

cases!(REDIRECT_OPEN =>
    pbx_config16_redirect_fails_open = fails_open,
    pbx_config16_redirect_every_refusal_refuses = every_refusal_refuses,
);

cases!(FAILOVER =>
    pbx_config16_failover_approved = approved,
    pbx_config16_failover_denied = denied,
    pbx_config16_failover_dials_as_voipms = dials_as_voipms,
    pbx_config16_failover_emergency_asks_nobody = emergency_asks_nobody,
    pbx_config16_failover_fails_closed = fails_closed,
);

cases!(FAILOVER_OPEN =>
    pbx_config16_failover_fails_open = fails_open,
    pbx_config16_failover_every_refusal_refuses = every_refusal_refuses,
);

cases!(PREFIX =>
    pbx_config16_prefix_and_own_trunk = prefix_and_own_trunk,
);

cases!(TCP =>
    pbx_config16_tcp_denied = denied,
    pbx_config16_tcp_fails_closed = fails_closed,
);

cases!(FREEPBX =>
    pbx_config16_freepbx_approved = approved,
    pbx_config16_freepbx_denied = denied,
    pbx_config16_freepbx_emergency_asks_nobody = emergency_asks_nobody,
    pbx_config16_freepbx_fails_closed = fails_closed,
);

cases!(FREEPBX_OPEN =>
    pbx_config16_freepbx_fails_open = fails_open,
    pbx_config16_freepbx_every_refusal_refuses = every_refusal_refuses,
);
