//! Decision time against the size of the policy.

use anyhow::Result;

use crate::{
    load::{Ask, Load, Outcome, Pace},
    policy::Size,
    report::{Rows, Targets},
    suite::{CLOSED, Suite, progress},
};

impl Suite {
    /// CPU per answer under policies of different sizes.
    ///
    /// # Errors
    /// When something could not be measured.
    pub fn scaling(&self, targets: &mut Targets) -> Result<()> {
        let sizes = [
            (
                "trunkguard-1000-rules-100-listed",
                Size {
                    rules: 1_000,
                    listed: 100,
                },
            ),
            (
                "trunkguard-1000-rules-100000-listed",
                Size {
                    rules: 1_000,
                    listed: 100_000,
                },
            ),
            (
                "trunkguard-10-rules-100000-listed",
                Size {
                    rules: 10,
                    listed: 100_000,
                },
            ),
            (
                "trunkguard-10000-rules-100000-listed",
                Size {
                    rules: 10_000,
                    listed: 100_000,
                },
            ),
        ];
        progress("decision time against the size of the policy");
        let mut running = Vec::new();
        for (name, size) in sizes {
            running.push((self.place.trunkguard(name, size, "relaxed")?, size));
        }
        let mut rows = Rows::default();
        for round in 0..self.rounds {
            progress(&format!("decision time: round {}", round + 1));
            for (target, size) in &running {
                let shape = self.shape(target, Pace::Closed(64), Ask::Invite, self.burst);
                let shape = Load {
                    listed: size.listed,
                    ..shape
                };
                rows.add(target.name, CLOSED, self.put(target, &shape)?);
            }
        }
        println!("## Decision time against the size of the policy\n");
        rows.print();
        for (large, small, text) in [
            (
                sizes[1].0,
                sizes[0].0,
                "decision time flat from 10² to 10⁵ list entries (× 1.25 at most)",
            ),
            (
                sizes[3].0,
                sizes[2].0,
                "decision time flat from 10 to 10⁴ rules (× 1.25 at most)",
            ),
        ] {
            let ratio = rows
                .ratio((large, CLOSED), (small, CLOSED), Outcome::cpu_per_answer)
                .unwrap_or(f64::MAX);
            targets.add(text, format!("CPU per answer × {ratio:.2}"), ratio <= 1.25);
        }
        Ok(())
    }
}
