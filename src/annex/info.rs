//! What `git annex info REMOTE` shows, from the cache alone.

use super::failure::Failure;
use super::protocol::Reply;
use super::session::Conversation;
use super::vault::Vault;
use crate::engine::Tier;

impl Vault {
    /// Says all there is to say but the end.
    pub(super) async fn info(&self, talk: &Conversation) -> Result<(), Failure> {
        let mut fields = vec![
            ("vault", self.name.to_string()),
            ("region", self.engine.region().to_string()),
            ("credentials", self.origin.to_string()),
            ("tier", self.tier.unwrap_or(Tier::Standard).as_str().to_owned()),
        ];
        if self.tier.is_some() {
            fields.push(("tier from", "the settings of the remote or of this machine".to_owned()));
        }
        if !self.prefix.is_empty() {
            fields.push(("file prefix", self.prefix.clone()));
        }
        // Without an account that was met before there is nothing more to say.
        if let Ok(Some(summary)) = self.engine.summary_here(&self.name) {
            fields.extend(summary.account.map(|account| ("account", account.to_string())));
            let inventory = summary.knowledge.inventory.map_or("none taken in yet".to_owned(), |taken| {
                let hours = self.clock.now().since(taken.date).as_secs() / 3600;
                format!("{} ({hours} hours old)", taken.date)
            });
            fields.push(("inventory", inventory));
        }
        if let Ok(Some(counts)) = self.engine.counts(&self.name) {
            fields.push(("archives known", counts.archives.to_string()));
            let (soon, before) = (counts.jobs_pending, counts.jobs_ready);
            fields.push((
                "retrieval jobs of this machine",
                format!("{soon} pending, {before} ready, by their age"),
            ));
        }
        for (name, value) in fields {
            talk.send(&Reply::InfoField(name))?;
            talk.send(&Reply::InfoValue(value))?;
        }
        Ok(())
    }
}
