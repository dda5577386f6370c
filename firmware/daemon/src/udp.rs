//! SIP over UDP: one thread that takes datagrams in batches and answers them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::{Duration, Instant};

use tracing::error;

use crate::{
    batch::{Receiver, Sender},
    desk::{Line, Shared},
};

/// How often the clock is looked after while no datagram comes.
pub const TICK: Duration = Duration::from_millis(50);

/// Answers until told to stop. `turns` counts on as long as the thread does its work.
///
/// # Errors
/// When the socket cannot be read any more.
pub fn serve(shared: &Arc<Shared>, stop: &AtomicBool, turns: &AtomicU64) -> std::io::Result<()> {
    let socket = &shared.socket;
    socket.set_read_timeout(Some(TICK))?;
    let (mut receiver, mut sender) = (Receiver::default(), Sender::default());
    let mut lines: Vec<Line> = Vec::with_capacity(64);
    let mut seen = Vec::with_capacity(64);
    let mut ticked = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let mut taken = None;
        let received = receiver.receive(socket, |from, bytes| {
            let (desk, now) = taken.get_or_insert_with(|| {
                let mut desk = shared.lock();
                let now = desk.clock.now();
                (desk, now)
            });
            let Some(out) = sender.next() else { return };
            let answer = desk.handle(now, bytes, from, None, out);
            let answered = answer.map(|(len, to)| (to, &out[..len]));
            shared.record(desk, from, false, bytes, answered);
            if let Some((len, to)) = answer {
                sender.keep(len, to);
            }
        });
        if let Some((mut desk, _)) = taken {
            shared.hand_over(&mut desk);
            desk.take_lines(&mut lines);
            desk.take_evidence(&mut seen);
        }
        sender.send(socket);
        lines.drain(..).for_each(Line::write);
        shared.report_strangers(&mut seen);
        turns.fetch_add(1, Ordering::Relaxed);
        if let Err(problem) = received {
            error!(%problem, "the SIP socket cannot be read");
            return Err(problem.into());
        }
        if ticked.elapsed() >= TICK {
            ticked = Instant::now();
            shared.tick();
        }
    }
    Ok(())
}
