//! `pops`: VoIP.ms's points of presence, and what the owner decides on them.

use std::net::IpAddr;

use clap::{Subcommand, ValueEnum};
use trunkguard_core::pops::owner::Subject;

use super::{
    Answer, print,
    running::{Asked, decide},
};
use crate::{control::Decision, firewall::view::PopsView, operations::view};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Subcommand)]
enum Action {
    /// List what is followed, allowed, and waits for a decision (without an action, too).
    List,
    /// Follow a host name, or allow an address or a network that you know from VoIP.ms.
    Add {
        /// Such as pop.example.net, 203.0.113.7 or 203.0.113.0/28.
        #[arg(value_parser = Subject::parse)]
        subject: Subject,
    },
    /// Allow an address that DNS gave, outside of VoIP.ms's known range.
    Approve {
        /// The address.
        address: IpAddr,
    },
    /// Never allow an address, and do not ask again.
    Refuse {
        /// The address.
        address: IpAddr,
    },
    /// Take a decision back.
    Forget {
        /// What was decided on.
        #[arg(value_parser = Subject::parse)]
        subject: Subject,
    },
    /// Ask DNS for every name now.
    Refresh,
    /// Print the allow-list for another firewall, such as the PBX's own.
    Export {
        /// In which form.
        #[arg(long, value_enum, default_value_t = Form::Plain)]
        form: Form,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// One network a line (FreePBX: Connectivity > Firewall > Networks, zone Trusted).
    Plain,
    /// A script for `nft -f`: a set that rules of your own may name.
    Nft,
    /// Lines for `ipset restore`: a set that iptables may name.
    Ipset,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    let state = arguments.asked.state()?;
    let decision = match arguments.action.unwrap_or(Action::List) {
        Action::List => return arguments.asked.show(&view(state)?.pops, text),
        Action::Add { subject } => Decision::AddPop(subject),
        Action::Approve { address } => Decision::ApprovePop(address),
        Action::Refuse { address } => Decision::RefusePop(address),
        Action::Forget { subject } => Decision::ForgetPop(subject),
        Action::Refresh => Decision::RefreshPops,
        Action::Export { form } => return print(export(&view(state)?.pops.allowed, form)),
    };
    decide(state, decision)
}

fn text(pops: &PopsView) -> String {
    let mut out = format!("allowed: {}\n\n", pops.allowed.join(", "));
    for line in &pops.names {
        let addresses: Vec<String> = match (&line.addresses[..], line.built_in) {
            ([], Some(built_in)) => vec![built_in.to_string()],
            (found, _) => found.iter().map(ToString::to_string).collect(),
        };
        let health = match (line.dead, line.round_trip_us) {
            (true, _) => "no answer".to_owned(),
            (false, Some(us)) => format!("{:.1} ms, {} % lost", us as f64 / 1e3, line.loss_percent),
            (false, None) => String::new(),
        };
        let failure = (line.failure.as_ref()).map_or_else(String::new, |why| format!("  ! {why}"));
        out += &format!(
            "{:<24} {:<16} {:<18} {health}{failure}\n",
            line.name,
            line.city,
            addresses.join(" ")
        );
    }
    for line in &pops.asked {
        let names = line.names.join(", ");
        let disagree = if line.agreed {
            ""
        } else {
            " (the DNS servers disagree)"
        };
        out += &format!(
            "\n? {} for {names} is outside of VoIP.ms's known range{disagree}; is it VoIP.ms's own? Then: trunkguard pops approve {}; else: trunkguard pops refuse {}\n",
            line.address, line.address, line.address
        );
    }
    if !pops.decisions.is_empty() {
        let decided = pops.decisions.iter().map(|decision| {
            let verb = if decision.approved {
                "approved"
            } else {
                "refused"
            };
            format!("{verb} {} by {}", decision.subject, decision.by)
        });
        out += &format!("\ndecided: {}\n", decided.collect::<Vec<_>>().join("; "));
    }
    if let Some(name) = &pops.recommended {
        out += &format!("\nnearest that answers: {name}\n");
    }
    out
}

/// The allow-list in another firewall's words. IPv6 networks go to a set of their own.
fn export(allowed: &[String], form: Form) -> String {
    let lines = |begin: &str, line: &dyn Fn(&str) -> String| {
        let lines: String = allowed.iter().map(|network| line(network)).collect();
        format!("{begin}{lines}")
    };
    let six = |network: &str| if network.contains(':') { "6" } else { "4" };
    match form {
        Form::Plain => lines("", &|network| format!("{network}\n")),
        Form::Nft => lines(
            "add table inet voipms\n\
             add set inet voipms pops4 { type ipv4_addr; flags interval; }\n\
             add set inet voipms pops6 { type ipv6_addr; flags interval; }\n\
             flush set inet voipms pops4\nflush set inet voipms pops6\n",
            &|network| {
                format!(
                    "add element inet voipms pops{} {{ {network} }}\n",
                    six(network)
                )
            },
        ),
        Form::Ipset => lines(
            "create -exist voipms4 hash:net family inet\ncreate -exist voipms6 hash:net family inet6\n\
             flush voipms4\nflush voipms6\n",
            &|network| format!("add -exist voipms{} {network}\n", six(network)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_exported_in_the_words_of_other_firewalls() {
        let allowed = ["208.100.60.0/24".to_owned(), "2001:db8:60::7".to_owned()];
        assert_eq!(
            export(&allowed, Form::Plain),
            "208.100.60.0/24\n2001:db8:60::7\n"
        );
        let nft = export(&allowed, Form::Nft);
        assert!(nft.ends_with(
            "add element inet voipms pops4 { 208.100.60.0/24 }\nadd element inet voipms pops6 { 2001:db8:60::7 }\n"
        ));
        let ipset = export(&allowed, Form::Ipset);
        assert!(
            ipset.ends_with(
                "add -exist voipms4 208.100.60.0/24\nadd -exist voipms6 2001:db8:60::7\n"
            )
        );
    }
}
