//! An internet, an office, and boxes side by side between them.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use anyhow::Result;

use super::place::{Place, cable};

/// What a box does with what it forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It forwards, and has no rules at all: no connections are followed.
    Bare,
    /// It forwards and masquerades, as every office's router does.
    Plain,
    /// Trunkguard.
    Rules,
}

impl Kind {
    /// All of them; neighbours in this order are compared.
    pub const ALL: [Kind; 3] = [Kind::Bare, Kind::Plain, Kind::Rules];

    /// Its name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bare => "bare",
            Kind::Plain => "plain",
            Kind::Rules => "rules",
        }
    }

    fn number(self) -> u8 {
        self as u8
    }

    /// The PoP that reaches the office through this box; all are PoPs of the built-in list.
    pub fn pop(self) -> Ipv4Addr {
        Ipv4Addr::new(208, 100, 60, 17 + self.number())
    }

    /// The box's address on the internet.
    pub fn outside(self) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, 16 * self.number() + 10)
    }

    fn upstream(self) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, 16 * self.number() + 1)
    }

    /// The box's address in the office.
    pub fn inside(self) -> Ipv4Addr {
        Ipv4Addr::new(192, 168, 77 + self.number(), 2)
    }

    /// The PBX behind this box.
    pub fn pbx(self) -> Ipv4Addr {
        Ipv4Addr::new(192, 168, 77 + self.number(), 10)
    }

    /// An audio port of that PBX.
    pub fn audio(self) -> SocketAddr {
        (self.pbx(), 10_000).into()
    }

    /// Port of the internet and of the office towards this box.
    pub fn port(self) -> String {
        format!("to-{}", self.name())
    }
}

/// Ports of every box.
pub const OUTSIDE: &str = "out0";
/// As above.
pub const INSIDE: &str = "in0";
/// Where the box asks for names; nobody answers there.
pub const DNS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 33);

/// Two networks, and the boxes between them.
pub struct Wiring {
    /// PoPs and strangers.
    pub internet: Place,
    /// PBXs.
    pub office: Place,
    boxes: [Place; 3],
}

impl Wiring {
    /// Makes the networks. Each PoP has its own way through one box, there and back.
    ///
    /// # Errors
    /// When the kernel does not make them.
    pub fn new(folder: &Path) -> Result<Self> {
        let wiring = Wiring {
            internet: Place::new("internet")?,
            office: Place::new("office")?,
            boxes: [
                Place::new("bare")?,
                Place::new("plain")?,
                Place::new("rules")?,
            ],
        };
        for kind in Kind::ALL {
            wiring.connect(kind)?;
        }
        let plain = wiring.of(Kind::Plain);
        plain.nft(
            folder,
            &format!(
                "table ip plain {{\n\tchain out {{\n\t\ttype nat hook postrouting priority 100; policy accept;\n\
                 \t\toifname \"{OUTSIDE}\" masquerade\n\t}}\n}}\n"
            ),
        )?;
        fs::remove_file(folder.join("script.nft"))?;
        Ok(wiring)
    }

    /// The network of a box.
    pub fn of(&self, kind: Kind) -> &Place {
        &self.boxes[kind as usize]
    }

    fn connect(&self, kind: Kind) -> Result<()> {
        let (place, port) = (self.of(kind), kind.port());
        let (outside, upstream) = (kind.outside(), kind.upstream());
        let (inside, pbx, pop) = (kind.inside(), kind.pbx(), kind.pop());
        cable((&self.internet, &port), (place, OUTSIDE))?;
        cable((&self.office, &port), (place, INSIDE))?;
        self.internet.ip(&format!(
            "addr add {upstream}/28 dev {port}\naddr add {pop}/32 dev {port}\nroute add {pbx}/32 via {outside}\n"
        ))?;
        place.ip(&format!(
            "addr add {outside}/28 dev {OUTSIDE}\naddr add {inside}/24 dev {INSIDE}\nroute add default via {upstream}\n"
        ))?;
        place.set("ipv4/ip_forward", "1")?;
        self.office.ip(&format!(
            "addr add {pbx}/24 dev {port}\nroute add {pop}/32 via {inside}\n"
        ))?;
        match kind {
            // Whoever else is answered, is answered through the box under test.
            Kind::Rules => self.office.ip(&format!("route add default via {inside}\n")),
            Kind::Bare | Kind::Plain => Ok(()),
        }
    }
}
