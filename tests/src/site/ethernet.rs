//! Frames made by hand, for what is no IP.

use std::{ffi::CString, os::fd::AsRawFd};

use anyhow::{Result, ensure};
use socket2::{Domain, Protocol, Socket, Type};

use super::Place;

/// The kinds that the tests send.
pub mod kind {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// IEEE 802.1X: who may use a port.
    pub const EAPOL: u16 = 0x888e;
    /// Neighbours that switches tell of.
    pub const LLDP: u16 = 0x88cc;
    /// A tag, with another frame inside.
    pub const VLAN: u16 = 0x8100;
    /// A point-to-point session over Ethernet.
    pub const PPPOE: u16 = 0x8864;
}

/// Sends one frame to everybody on the wire of `eth0`.
///
/// # Errors
/// When it cannot leave.
pub fn shout(place: &Place, kind: u16, body: &[u8]) -> Result<()> {
    place.within(|| {
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
        let name = CString::new("eth0")?;
        // SAFETY: `name` ends with a zero and outlives the call.
        let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
        ensure!(index != 0, "no eth0");
        let source = [2, 0, 0, 0, 0, 0x42];
        let mut frame = [&[0xff; 6][..], &source, &kind.to_be_bytes(), body].concat();
        frame.resize(frame.len().max(60), 0);
        // SAFETY: all zeros is a value of this plain struct.
        let mut to: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        to.sll_family = libc::AF_PACKET as u16;
        to.sll_ifindex = index as i32;
        to.sll_halen = 6;
        // SAFETY: both pointers are to values that outlive the call, of the lengths that are said.
        let sent = unsafe {
            libc::sendto(
                socket.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                0,
                (&raw const to).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        ensure!(sent == frame.len() as isize, "the frame did not leave");
        Ok(())
    })
}
