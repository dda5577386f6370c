//! The value of one field. Each says what to write instead of what it is not.

use std::net::{Ipv4Addr, SocketAddrV4};

use trunkguard_core::policy::{CountryCode, DenyCode, HostName};

use crate::answers::{Account, Extension, OwnTrunk, TenDigits, Transport};

/// Most emergency numbers of one's own.
const MOST_EMERGENCY: usize = 16;

pub fn ten_digits(text: &str) -> Result<TenDigits, String> {
    let read = TenDigits::parse(text)?;
    let area = read.area().parse().unwrap_or(0);
    if trunkguard_core::number::is_assigned_area(area) {
        Ok(read)
    } else {
        Err(format!(
            "`{text}`: there is no area code {area} in North America; compare the number with VoIP.ms's page Manage DID"
        ))
    }
}

pub fn host(text: &str) -> Result<Ipv4Addr, String> {
    let address: Option<Ipv4Addr> = text.parse().ok();
    address
        .filter(|a| !a.is_unspecified() && !a.is_multicast() && !a.is_broadcast())
        .ok_or_else(|| format!("`{}` is not the address of one machine; write its IPv4 address such as 192.168.1.10", text.escape_debug()))
}

pub fn address(text: &str, to_box: Option<Transport>) -> Result<SocketAddrV4, String> {
    let by_transport = if to_box == Some(Transport::Tls) {
        5061
    } else {
        5060
    };
    match text.split_once(':') {
        None => Ok(SocketAddrV4::new(host(text)?, by_transport)),
        Some((address, port)) => {
            let port = port.parse().ok().filter(|p| *p > 0);
            let port = port.ok_or_else(|| {
                format!(
                    "`{}` has no port; write 192.168.1.20 or 192.168.1.20:5060",
                    text.escape_debug()
                )
            })?;
            Ok(SocketAddrV4::new(host(address)?, port))
        }
    }
}

pub fn pop(text: &str) -> Result<HostName, String> {
    let name = HostName::parse(text)?;
    if name.as_str().ends_with(".voip.ms") {
        Ok(name)
    } else {
        Err(format!(
            "`{name}` is not VoIP.ms's; write the point of presence, such as montreal10.voip.ms (`trunkguard pops` lists them)"
        ))
    }
}

pub fn country(text: &str) -> Result<CountryCode, String> {
    let code = CountryCode::parse(text)?;
    if code == CountryCode::ANY {
        return Err("the office is in one country; write it, such as US".into());
    }
    Ok(code)
}

pub fn area_code(text: &str) -> Result<u16, String> {
    let code = text
        .parse()
        .ok()
        .filter(|code| text.len() == 3 && trunkguard_core::number::is_assigned_area(*code));
    code.ok_or_else(|| format!("`{}` is not an area code of North America; write its three digits, or leave it out where nobody dials seven", text.escape_debug()))
}

pub fn outside_prefix(text: &str) -> Result<String, String> {
    if text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text.into())
    } else {
        Err(format!(
            "`{}` is not dialled for an outside line; write up to four digits such as 9, or leave it out",
            text.escape_debug()
        ))
    }
}

pub fn deny_code(text: &str) -> Result<DenyCode, String> {
    let code: u16 = text.parse().map_err(|_| {
        format!(
            "`{}` is no status; write 603, 486 or 600",
            text.escape_debug()
        )
    })?;
    DenyCode::try_from(code)
}

pub fn emergency(text: &str) -> Result<Vec<String>, String> {
    let numbers: Vec<String> = text
        .split([',', ' '])
        .filter(|n| !n.is_empty())
        .map(str::to_owned)
        .collect();
    if let Some(bad) = numbers
        .iter()
        .find(|n| !(2..=6).contains(&n.len()) || !n.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(format!(
            "`{}` is no emergency number; it has 2 to 6 digits, such as 999",
            bad.escape_debug()
        ));
    }
    if numbers.len() > MOST_EMERGENCY {
        return Err(format!(
            "{} emergency numbers; at most {MOST_EMERGENCY}",
            numbers.len()
        ));
    }
    Ok(numbers)
}

pub fn own_trunk(text: &str) -> Result<OwnTrunk, String> {
    let (extension, account) = text.split_once(':').ok_or_else(|| {
        format!(
            "`{}`: write EXTENSION:ACCOUNT, such as 1001:100000_front",
            text.escape_debug()
        )
    })?;
    Ok(OwnTrunk {
        extension: Extension::parse(extension)?,
        account: Account::parse(account)?,
    })
}
