//! The system's DNS servers.

use std::{net::IpAddr, path::Path};

/// Where the system says which servers to ask (resolv.conf(5)).
pub const RESOLV_CONF: &str = "/etc/resolv.conf";
/// As many as the system's own resolver asks (resolv.conf(5), MAXNS).
const MOST: usize = 3;

/// The first three servers of such a file.
///
/// # Errors
/// When it cannot be read or names none; says what to do.
pub fn in_resolv_conf(path: &Path) -> Result<Vec<IpAddr>, String> {
    let path_shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|e| {
        format!("{path_shown}: {e}; name DNS servers in the settings, as `dns` of [firewall]")
    })?;
    let servers = servers(&text);
    if servers.is_empty() {
        return Err(format!(
            "{path_shown} names no server; name DNS servers in the settings, as `dns` of [firewall]"
        ));
    }
    Ok(servers)
}

/// An address with a zone (`fe80::1%eth0`) is passed over: allow-lists are not made from what a
/// router advertises on a link.
fn servers(text: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next())?
    });
    let mut servers = Vec::new();
    for address in lines.filter_map(|word| word.parse().ok()) {
        if servers.len() < MOST && !servers.contains(&address) {
            servers.push(address);
        }
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_as_the_system_reads_them() {
        let text = "# comment\nsearch office.example\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 x\n\
                    nameserver 192.0.2.1\nnameserver fe80::1%eth0\nnameserver nonsense\nnameservers 192.0.2.9\n\
                    nameserver 192.0.2.2\nnameserver 192.0.2.3\n";
        let expected = ["192.0.2.1", "2001:db8::1", "192.0.2.2"];
        let expected: Vec<IpAddr> = expected.iter().map(|a| a.parse().unwrap()).collect();
        assert_eq!(servers(text), expected);
        let nowhere = in_resolv_conf(Path::new("/nonexistent/resolv.conf")).unwrap_err();
        assert!(nowhere.contains("`dns` of [firewall]"), "{nowhere}");
    }
}
