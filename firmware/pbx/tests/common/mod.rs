//! Forms for tests.

use trunkguard_pbx::Form;

/// A form that is right, with these fields changed.
pub fn form(fields: &[(&str, &str)]) -> Form {
    let mut form = Form {
        pbx: "asterisk-pjsip".into(),
        the_box: "192.168.1.20".into(),
        pbx_address: "192.168.1.10".into(),
        account: "100000_office".into(),
        pop: "montreal10.voip.ms".into(),
        did: "4165551234".into(),
        ..Form::default()
    };
    for (name, value) in fields {
        let field = match *name {
            "pbx" => &mut form.pbx,
            "freepbx" => &mut form.freepbx,
            "driver" => &mut form.driver,
            "method" => &mut form.method,
            "to_box" => &mut form.to_box,
            "to_voipms" => &mut form.to_voipms,
            "login" => &mut form.login,
            "the_box" => &mut form.the_box,
            "pbx_address" => &mut form.pbx_address,
            "name" => &mut form.name,
            "account" => &mut form.account,
            "pop" => &mut form.pop,
            "did" => &mut form.did,
            "caller_id" => &mut form.caller_id,
            "ring" => &mut form.ring,
            "context" => &mut form.context,
            "country" => &mut form.country,
            "area_code" => &mut form.area_code,
            "outside_prefix" => &mut form.outside_prefix,
            "when_away" => &mut form.when_away,
            "deny_code" => &mut form.deny_code,
            "prefix" => &mut form.prefix,
            "emergency" => &mut form.emergency,
            "own_trunk" => &mut form.own_trunk,
            other => panic!("no field {other}"),
        };
        *field = (*value).to_owned();
    }
    form
}
