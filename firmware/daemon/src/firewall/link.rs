//! The connection to the helper, which comes and goes.

use std::{path::PathBuf, time::Duration};

use trunkguard_firewall::{
    client::{Client, Happened},
    protocol::{Order, Reply},
};

use super::{Firewall, Work};

/// An order is carried out within so long.
const PATIENCE: Duration = Duration::from_secs(12);

/// See the module.
pub(super) struct Link {
    socket: Option<PathBuf>,
    client: Option<Client>,
    firewall: Option<Firewall>,
    /// Tells connections apart: the end of one before is no news.
    connection: u64,
}

impl Link {
    /// To nobody: `--firewall dry-run`.
    pub fn none() -> Self {
        Link {
            socket: None,
            client: None,
            firewall: None,
            connection: 0,
        }
    }

    /// To the helper on this socket, from the first order on. What it says unasked goes to the
    /// firewall's own queue.
    pub fn to(socket: PathBuf, firewall: Firewall) -> Self {
        Link {
            socket: Some(socket),
            client: None,
            firewall: Some(firewall),
            connection: 0,
        }
    }

    /// Is there a connection?
    pub fn is_up(&self) -> bool {
        self.client.is_some()
    }

    /// A connection has ended. Answers whether it was the last one.
    pub fn lost(&mut self, connection: u64) -> bool {
        let last = connection == self.connection;
        if last {
            self.client = None;
        }
        last
    }

    /// Sends an order and waits for its answer, connecting where need be.
    ///
    /// # Errors
    /// When there is no helper, or it does not answer. The connection is given up then.
    pub fn order(&mut self, order: &Order) -> Result<Reply, String> {
        if self.client.is_none() {
            self.client = Some(self.connect()?);
        }
        let Some(client) = &mut self.client else {
            return Err("there is no helper".into());
        };
        client.order(order, PATIENCE).map_err(|problem| {
            self.client = None;
            problem.to_string()
        })
    }

    fn connect(&mut self) -> Result<Client, String> {
        let (Some(socket), Some(firewall)) = (&self.socket, self.firewall.clone()) else {
            return Err("with --firewall dry-run there is no helper".into());
        };
        self.connection += 1;
        let connection = self.connection;
        Client::connect(socket, move |happened| {
            // A queue that is full has worse things in it than a few samples.
            let _ = firewall.work.try_send(match happened {
                Happened::Event(event) => Work::Event(event),
                Happened::Gone => Work::Gone(connection),
            });
        })
        .map_err(|problem| problem.to_string())
    }
}
