//! The `[[client]]` of the policy that belongs to the answers.

use trunkguard_core::policy::{Client, ContactHost, Definition, Name, Network, Profile, Rules};

use crate::Answers;

/// The client. Its dial plan takes the outside prefix off, so that the policy names none: named in both
/// places, it would be taken off a number that begins with it by right.
pub fn client(a: &Answers) -> Client {
    Client {
        name: a.name.clone(),
        addresses: Network::parse(&a.pbx_address.to_string())
            .into_iter()
            .collect(),
        profile: a.profile(),
        number_format: trunkguard_core::number::Format::Dialled,
        outside_prefix: String::new(),
        prefix: a.prefix,
        deny_code: a.deny_code,
        contact_host: ContactHost::Via,
        retransmit: true,
        credentials: None,
        policy: Rules::default(),
    }
}

/// Puts it into a policy.
pub fn add(definition: &mut Definition, a: &Answers) {
    let new = client(a);
    match definition.clients.iter_mut().find(|c| c.name == new.name) {
        Some(old) => {
            old.addresses = new.addresses;
            old.profile = new.profile;
            old.number_format = new.number_format;
            old.outside_prefix = new.outside_prefix;
            old.prefix = new.prefix;
            old.deny_code = new.deny_code;
        }
        None => definition.clients.push(new),
    }
    let pops = &mut definition.firewall.pops;
    if !pops.is_empty() && !pops.contains(&a.pop) {
        pops.push(a.pop.clone());
    }
    for number in &a.emergency {
        if let Ok(number) = Name::parse(number)
            && !definition.settings.emergency.contains(&number)
        {
            definition.settings.emergency.push(number);
        }
    }
}

/// The same as lines of a policy file, with what must be set beside it.
pub fn toml(a: &Answers) -> String {
    let mut text =
        String::from("[settings]                    # merge into the table that is there\n");
    text += &format!("country = \"{}\"\n", a.country);
    if let Some(area) = a.area_code {
        text += &format!("area_code = {area}\n");
    }
    if !a.emergency.is_empty() {
        let list: Vec<String> = a.emergency.iter().map(|n| format!("\"{n}\"")).collect();
        text += &format!("emergency = [{}]\n", list.join(", "));
    }
    text += &format!(
        "\n[firewall]                    # likewise\npops = [\"{}\"]\n",
        a.pop
    );
    text += &format!(
        "\n[[client]]\nname = {}\naddresses = [\"{}\"]\nprofile = \"{}\"\nnumber_format = \"dialled\"\nprefix = \"{}\"\n",
        quoted(a.name.as_str()),
        a.pbx_address,
        profile(a.profile()),
        a.prefix,
    );
    if let Some(code) = a.deny_code {
        text += &format!("deny_code = {}\n", code.status());
    }
    text
}

/// A TOML string (TOML 1.0, basic strings). Names have no control characters.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn profile(profile: Profile) -> &'static str {
    match profile {
        Profile::Redirect => "redirect",
        Profile::Failover => "failover",
        Profile::FreepbxTrunk => "freepbx-trunk",
        Profile::Freeswitch => "freeswitch",
        Profile::TfpsCodes => "tfps-codes",
    }
}
