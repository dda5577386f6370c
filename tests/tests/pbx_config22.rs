//! Files of `trunkguard pbx-config` in an Asterisk 22 (chan_pjsip), and in what stands for FreePBX 17.

use std::time::Duration;

use trunkguard_tests::{
    Office, Root, cases,
    scenario::{ALLOWED, BLOCKED, Down, Plan},
};

const REDIRECT: Plan = Plan {
    root: Root::Asterisk22,
    layers: &["as-installed"],
    profile: "",
    client: "",
    answers: &["--pbx", "asterisk-pjsip"],
    options: &[],
    caller: "1001",
    down: Down::AsSet,
    fields: 5,
};

const REDIRECT_OPEN: Plan = Plan {
    answers: &["--pbx", "asterisk-pjsip", "--when-away", "open"],
    ..REDIRECT
};

const FAILOVER: Plan = Plan {
    answers: &["--pbx", "asterisk-pjsip", "--method", "failover"],
    ..REDIRECT
};

const FAILOVER_OPEN: Plan = Plan {
    answers: &[
        "--pbx",
        "asterisk-pjsip",
        "--method",
        "failover",
        "--when-away",
        "open",
    ],
    ..REDIRECT
};

const TCP: Plan = Plan {
    answers: &["--pbx", "asterisk-pjsip", "--to-box", "tcp"],
    ..REDIRECT
};

const TLS: Plan = Plan {
    answers: &["--pbx", "asterisk-pjsip", "--to-box", "tls"],
    options: &["--sips", "127.0.0.20:5061"],
    ..REDIRECT
};

const IAX2: Plan = Plan {
    answers: &["--pbx", "asterisk-pjsip", "--to-voipms", "iax2"],
    ..REDIRECT
};

const PREFIX: Plan = Plan {
    answers: &[
        "--pbx",
        "asterisk-pjsip",
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
    answers: &["--pbx", "freepbx"],
    ..REDIRECT
};

const FREEPBX_OPEN: Plan = Plan {
    answers: &["--pbx", "freepbx", "--when-away", "open"],
    ..FREEPBX
};

cases!(REDIRECT =>
    pbx_config22_redirect_approved = approved,
    pbx_config22_redirect_denied = denied,
    pbx_config22_redirect_detect_then_prevent = detect_then_prevent,
    pbx_config22_redirect_dials_as_voipms = dials_as_voipms,
    pbx_config22_redirect_calls_from_the_account = calls_from_the_account,
    pbx_config22_redirect_emergency_asks_nobody = emergency_asks_nobody,
    pbx_config22_redirect_fails_closed = fails_closed,
    pbx_config22_redirect_restarted_mid_call = restarted_mid_call,
);

cases!(REDIRECT_OPEN =>
    pbx_config22_redirect_fails_open = fails_open,
    pbx_config22_redirect_every_refusal_refuses = every_refusal_refuses,
);

cases!(FAILOVER =>
    pbx_config22_failover_approved = approved,
    pbx_config22_failover_denied = denied,
    pbx_config22_failover_dials_as_voipms = dials_as_voipms,
    pbx_config22_failover_emergency_asks_nobody = emergency_asks_nobody,
    pbx_config22_failover_fails_closed = fails_closed,
);

cases!(FAILOVER_OPEN =>
    pbx_config22_failover_fails_open = fails_open,
    pbx_config22_failover_every_refusal_refuses = every_refusal_refuses,
);

cases!(PREFIX =>
    pbx_config22_prefix_and_own_trunk = prefix_and_own_trunk,
);

cases!(TCP =>
    pbx_config22_tcp_denied = denied,
    pbx_config22_tcp_fails_closed = fails_closed,
);

cases!(TLS =>
    pbx_config22_tls_denied = denied,
    pbx_config22_tls_fails_closed = fails_closed,
);

cases!(FREEPBX =>
    pbx_config22_freepbx_approved = approved,
    pbx_config22_freepbx_denied = denied,
    pbx_config22_freepbx_emergency_asks_nobody = emergency_asks_nobody,
    pbx_config22_freepbx_fails_closed = fails_closed,
);

cases!(FREEPBX_OPEN =>
    pbx_config22_freepbx_fails_open = fails_open,
    pbx_config22_freepbx_every_refusal_refuses = every_refusal_refuses,
);

/// The trunk is IAX2, to an Asterisk that stands for VoIP.ms and goes on to the provider by SIP.
#[test]
fn pbx_config22_iax2_calls_through() {
    Office::run(|office| {
        let mut stage = IAX2.start(office, "prevent")?;
        let voipms = office.pbx(Root::Asterisk16, &["iax2-provider"])?;
        for pbx in [&voipms, &stage.pbx] {
            pbx.cli("module load chan_iax2.so")?;
        }
        let registered = |text: &str| text.contains("Registered");
        // A first registration that stays without an answer was seen once, on a busy host; Asterisk asks again after 50 s.
        let limit = Duration::from_secs(120);
        stage
            .pbx
            .wait_cli("iax2 show registry", limit, registered)?;
        stage.phone.call_through(ALLOWED)?;
        stage.phone.call_refused(BLOCKED)?;
        stage.phone.call_through("933")?;
        stage.provider.saw(&[ALLOWED, "933"])
    });
}
