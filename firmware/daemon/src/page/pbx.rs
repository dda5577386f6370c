use std::net::IpAddr;

use trunkguard_page::{
    Answer,
    pbx::{Known, Pbx, Source},
};
use trunkguard_pbx::{Answers, Form, Language, setup};

use super::{Office, refused};
use crate::{control::Ask, health::Status, pbx_health, policy};

impl Source for Office {
    fn known(&self, here: IpAddr, language: Language) -> Answer<Known> {
        let mut form = Form::of(&self.definition()?);
        // By the address at which the page is open, the PBX reaches the box too; not by the machine's own loopback.
        if let IpAddr::V4(here) = here.to_canonical()
            && !here.is_loopback()
        {
            form.the_box = here.to_string();
        }
        let (table, problem) = pbx_health::table(self.state());
        // Without a daemon the form is as good.
        let status: Option<Status> = self.ask(&Ask::Status).ok();
        let clients = status.map(|status| status.clients).unwrap_or_default();
        let today = pbx_health::today_by_the_clock();
        let pbxs = clients.into_iter().map(|client| Pbx {
            known: trunkguard_pbx::health::judge(&client.user_agent, &table, today, language),
            name: client.name,
            agent: client.user_agent,
        });
        Ok(Known {
            form,
            pbxs: pbxs.collect(),
            dated: table.dated.map(String::from).unwrap_or_default(),
            problem,
        })
    }

    fn add(&self, answers: &Answers) -> Answer<String> {
        let said = policy::change(self.state(), |definition| setup::add(definition, answers));
        said.map(|force| force.words().to_owned())
            .map_err(|problem| refused(&problem))
    }
}
