//! The interface by which the box itself is reached, and reaches the internet.

use trunkguard_core::policy::{Address, Topology};

use super::Mac;
use crate::wish::Wish;

/// A .network file. `mac` is what the interface's own address is to be.
pub fn management(wish: &Wish, name: &str, mac: Option<Mac>) -> String {
    let a = &wish.addresses;
    let mut text = format!("[Match]\nName={name}\n\n[Link]\n");
    if let Some(mac) = mac {
        text.push_str(&format!("MACAddress={mac}\n"));
    }
    text.push_str("RequiredForOnline=no\n\n[Network]\n");
    match a.address {
        Address::Dhcp => text.push_str("DHCP=ipv4\n"),
        Address::Fixed(address) => {
            text.push_str(&format!("Address={address}\n"));
            if let Some(gateway) = a.gateway {
                text.push_str(&format!("Gateway={gateway}\n"));
            }
            // It answers as soon as a cable is in, and is there for who binds to it before.
            text.push_str("ConfigureWithoutCarrier=yes\n");
        }
    }
    for server in &a.dns {
        text.push_str(&format!("DNS={server}\n"));
    }
    for server in &a.ntp {
        text.push_str(&format!("NTP={server}\n"));
    }
    // In `router` this is the internet's side, which does not ask for the box's name.
    let mdns = yes(wish.topology != Topology::Router);
    text.push_str(&format!(
        "LinkLocalAddressing=ipv6\nIPv6AcceptRA=yes\nIPv6PrivacyExtensions=no\nIPv4ReversePathFilter=strict\n\
         MulticastDNS={mdns}\nLLMNR=no\nLLDP=no\nEmitLLDP=no\nKeepConfiguration=dhcp-on-stop\n"
    ));
    let (dns, ntp) = (yes(a.dns.is_empty()), yes(a.ntp.is_empty()));
    // Leases that stay the same without a machine's id; the box's name is its own (B12).
    if a.address == Address::Dhcp {
        text.push_str(&format!(
            "\n[DHCPv4]\nClientIdentifier=mac\nUseDNS={dns}\nUseNTP={ntp}\nUseHostname=no\n"
        ));
    }
    text.push_str(&format!(
        "\n[DHCPv6]\nDUIDType=link-layer\nUseDNS={dns}\nUseNTP={ntp}\nUseHostname=no\n\n[IPv6AcceptRA]\nUseDNS={dns}\n"
    ));
    text
}

pub fn yes(yes: bool) -> &'static str {
    match yes {
        true => "yes",
        false => "no",
    }
}
