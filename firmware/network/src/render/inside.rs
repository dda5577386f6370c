//! The port towards the office, in `router`.

use trunkguard_core::policy::HostAddress;

use super::office::yes;

/// A .network file. Leases are not kept on disk: with `PersistLeases=yes` networkd serves nobody before
/// somebody has told it (`networkctl persistent-storage`) that its folder can be written. Whoever masquerades is the firewall (docs/security.md F1), not networkd.
pub fn text(name: &str, address: &HostAddress, serves: bool) -> String {
    let pool = address.pool().filter(|_| serves);
    let mut text = format!(
        "[Match]\nName={name}\n\n\
         [Link]\nRequiredForOnline=no\n\n\
         [Network]\nAddress={address}\nConfigureWithoutCarrier=yes\nDHCPServer={}\nIPMasquerade=no\n\
         LinkLocalAddressing=ipv6\nIPv6AcceptRA=no\nIPv6SendRA=no\nIPv4ReversePathFilter=strict\n\
         MulticastDNS=yes\nLLMNR=no\nLLDP=no\nEmitLLDP=no\nDNSDefaultRoute=no\n",
        yes(pool.is_some())
    );
    if let Some((offset, size)) = pool {
        text.push_str(&format!(
            "\n[DHCPServer]\nPoolOffset={offset}\nPoolSize={size}\nEmitRouter=yes\nEmitDNS=yes\nDNS=_server_address\nEmitNTP=no\nPersistLeases=no\n"
        ));
    }
    text
}
