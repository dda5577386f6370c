//! What one part of `[alerts]` says of another.

use alloc::format;

use super::{
    alerts::{Alerts, MAIL, MOST_ADDRESSES, MOST_WEBHOOKS, Mail, Security, Shape},
    compile::Compiler,
};

impl Compiler {
    pub(super) fn alerts(&mut self, alerts: &Alerts) {
        if let Some(mail) = &alerts.mail {
            self.mail(mail);
        }
        if alerts.webhooks.len() > MOST_WEBHOOKS {
            self.problem(
                "alerts.webhook",
                format!("at most {MOST_WEBHOOKS} webhooks"),
            );
        }
        for (i, webhook) in alerts.webhooks.iter().enumerate() {
            let twice = alerts.webhooks[..i].iter().any(|w| w.name == webhook.name);
            if twice || webhook.name.as_str() == MAIL {
                self.problem(
                    format!("alerts.webhook[{i}].name"),
                    format!(
                        "`{}` is the name of another channel; give each a name of its own",
                        webhook.name
                    ),
                );
            }
            if webhook.shape == Shape::Ntfy && webhook.url.split_topic().is_none() {
                self.problem(
                    format!("alerts.webhook[{i}].url"),
                    "an ntfy address ends in its topic; write such as https://ntfy.sh/my-office",
                );
            }
        }
    }

    fn mail(&mut self, mail: &Mail) {
        if mail.to.is_empty() || mail.to.len() > MOST_ADDRESSES {
            self.problem(
                "alerts.mail.to",
                format!("write 1 to {MOST_ADDRESSES} addresses"),
            );
        }
        for (i, address) in mail.to.iter().enumerate() {
            if mail.to[..i].contains(address) {
                self.problem(
                    format!("alerts.mail.to[{i}]"),
                    format!("{address} stands here twice"),
                );
            }
        }
        if mail.port == Some(0) {
            self.problem("alerts.mail.port", "a port is 1 to 65535");
        }
        match (&mail.username, &mail.password) {
            (Some(_), None) => self.problem(
                "alerts.mail.password",
                "a login needs its password; write both or neither",
            ),
            (None, Some(_)) => self.problem(
                "alerts.mail.username",
                "a password needs its user name; write both or neither",
            ),
            _ => {}
        }
        if mail.security != Security::None {
            return;
        }
        // What an alert says is nobody's business on the way, and a password in clear is given away.
        if !mail.server.is_private() {
            self.problem(
                "alerts.mail.security",
                format!(
                    "`none` sends in clear, which is for a server at a private address only, and {} is none; write starttls \
                     or tls",
                    mail.server
                ),
            );
        } else if mail.username.is_some() {
            self.problem(
                "alerts.mail.security",
                "with `none` the password would go in clear; write starttls or tls, or leave username and password away",
            );
        }
    }
}
