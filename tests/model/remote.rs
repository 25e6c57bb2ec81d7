//! What git-annex does with the remote, in the repositories of both machines, which share what is kept about keys once
//! they have merged.
//!
//! - SUCCESS, on which a copy is dropped, is said as `check_yes` has it; of what the branch calls removed it is not said.
//! - FAILURE, on which the key is stored, as `check_no` has it; of what the branch calls stored it is not said.
//! - CHECKPRESENT says what the table says, after what the branch tells was learnt.
//! - A STORE makes no second archive beside one of which the machine can know, a REMOVE that succeeds leaves none.

use std::collections::BTreeSet;

use super::knowledge::{Answer, Knowledge};
use super::step::Step;
use super::support::branch::Told;
use super::support::session::Session;
use super::wire::Break;
use super::world::{World, content_of, name_of};

impl World {
    pub async fn act_remotely(&mut self, who: usize, step: &Step, planned: Option<Break>) {
        let store = |key| format!("TRANSFER STORE {} {}", name_of(key), self.source(who, key));
        let request = match *step {
            Step::Copy { key, .. } => {
                let request = store(key);
                if self.check_key(who, &name_of(key)).await != Answer::No {
                    return;
                }
                request
            }
            Step::CopyFast { key, .. } if !self.peers[who].branch.has(&name_of(key)) => store(key),
            Step::Fsck { key, .. } => {
                self.check_key(who, &name_of(key)).await;
                return;
            }
            Step::Fetch { key, .. } => {
                let file = self.peers[who].home.path().join("fetched");
                let _ = std::fs::remove_file(&file);
                format!("TRANSFER RETRIEVE {} {}", name_of(key), file.display())
            }
            Step::Remove { key, .. } if self.peers[who].branch.has(&name_of(key)) => {
                format!("REMOVE {}", name_of(key))
            }
            _ => return,
        };
        self.change(who, step, planned, request).await;
    }

    fn source(&self, who: usize, key: u8) -> String {
        self.peers[who].file(content_of(key)).display().to_string()
    }

    /// Asks whether the key is there.
    async fn check_key(&mut self, who: usize, key: &str) -> Answer {
        let (now, peer) = (self.now(), &mut self.peers[who]);
        let Told { stored, removed } = peer.branch.tells(key);
        peer.knows.learn(key, &peer.branch.state(key), now);
        let mut expected = self.expect_presence(who, key);
        if expected == Answer::Yes {
            // An inventory that was taken in for the question may list what was removed since.
            let peer = &mut self.peers[who];
            peer.knows.learn(key, &peer.branch.state(key), now);
            expected = self.expect_presence(who, key);
        }
        let said = self.ask(who, &format!("CHECKPRESENT {key}")).await;
        let answer = match said.split(' ').next() {
            Some("CHECKPRESENT-SUCCESS") => Answer::Yes,
            Some("CHECKPRESENT-FAILURE") => Answer::No,
            Some("CHECKPRESENT-UNKNOWN") => Answer::Unknown,
            _ => panic!("{said}"),
        };
        assert_eq!(answer, expected, "{said}");
        match answer {
            Answer::Yes => self.check_key_yes(who, key, &removed),
            Answer::No => self.check_key_no(who, key, &stored),
            Answer::Unknown => return answer,
        }
        self.peers[who].branch.places(key, answer == Answer::Yes);
        answer
    }

    fn check_key_yes(&self, who: usize, key: &str, removed: &BTreeSet<String>) {
        self.check_yes(who, key);
        let mut there = self.archives.iter().filter(|(_, archive)| archive.name == key);
        let is_known = there.any(|(id, archive)| archive.deleted.is_none() || !removed.contains(id));
        assert!(is_known, "yes was said of what the branch calls removed");
    }

    fn check_key_no(&self, who: usize, key: &str, stored: &BTreeSet<String>) {
        self.check_no(who, key);
        let there =
            stored.iter().find(|id| self.archives.get(*id).is_some_and(|archive| archive.deleted.is_none()));
        assert_eq!(there, None, "no was said of what the branch calls stored");
    }

    async fn ask(&mut self, who: usize, request: &str) -> String {
        let peer = &mut self.peers[who];
        if peer.session.is_none() {
            let (cache, connection) = (peer.home.path().join("db"), peer.connection());
            peer.session = Some(Session::begun(cache, connection, &self.emulator).await);
        }
        let session = peer.session.as_mut().unwrap();
        session.asks(request, &mut peer.branch).await
    }

    /// Lets the remote do something, through which it may die, and takes over what has become of vault and cache.
    async fn change(&mut self, who: usize, step: &Step, planned: Option<Break>, request: String) {
        let (Step::Copy { key, .. }
        | Step::CopyFast { key, .. }
        | Step::Fetch { key, .. }
        | Step::Remove { key, .. }) = *step
        else {
            return;
        };
        let name = name_of(key);
        let (before, jobs_before) = (self.peers[who].knows.clone(), self.books.job_ids());
        let (known, state) = (self.known_of_key(who, &name), self.peers[who].branch.state(&name));
        if let Some(planned) = planned {
            self.peers[who].wire.plan(planned);
        }
        let death = self.peers[who].wire.death();
        let said = tokio::select! {
            biased;
            () = death => None,
            said = self.ask(who, &request) => Some(said),
        };
        self.peers[who].wire.mend();
        if said.is_none() {
            self.peers[who].dies().await;
        }
        self.jobs_begun += self.books.job_ids().difference(&jobs_before).count();
        self.adopt_vault_of_key(who, step, &name, &known, said.as_deref());
        self.adopt_cache_of_key(who, &name, &state, before);
        match (step, said) {
            (Step::Copy { .. } | Step::CopyFast { .. }, Some(said))
                if said.starts_with("TRANSFER-SUCCESS") =>
            {
                self.peers[who].branch.places(&name, true);
                self.check_yes(who, &name);
            }
            (Step::Fetch { .. }, Some(said)) if said.starts_with("TRANSFER-SUCCESS") => {
                let brought = std::fs::read(self.peers[who].home.path().join("fetched")).unwrap();
                assert!(brought == super::bytes_of(content_of(key)), "what was brought");
            }
            (Step::Remove { .. }, Some(said)) if said.starts_with("REMOVE-SUCCESS") => {
                let left = self.known_of_key(who, &name);
                assert!(left.is_empty(), "{said}, and {left:?} are left");
                self.peers[who].branch.places(&name, false);
            }
            _ => {}
        }
    }

    /// The archives of the key that exist and of which the machine can know.
    fn known_of_key(&self, who: usize, key: &str) -> BTreeSet<String> {
        let peer = &self.peers[who];
        let mut known: BTreeSet<String> = peer.branch.tells(key).stored;
        known.extend(peer.knows.can_know(&self.archives).map(|(id, _)| id.clone()));
        known.extend(self.unclaimed.iter().filter(|(_, by)| **by == who).map(|(id, _)| id.clone()));
        known.retain(|id| {
            self.archives.get(id).is_some_and(|archive| archive.name == key && archive.deleted.is_none())
        });
        known
    }

    fn adopt_vault_of_key(
        &mut self,
        who: usize,
        step: &Step,
        key: &str,
        known: &BTreeSet<String>,
        said: Option<&str>,
    ) {
        let there = self.books.archives();
        let new: Vec<&String> = there.keys().filter(|id| !self.archives.contains_key(*id)).collect();
        let is_store = matches!(step, Step::Copy { .. } | Step::CopyFast { .. });
        assert!(new.len() <= usize::from(is_store), "{step:?} stored {new:?}");
        for id in new {
            assert_eq!(there[id].name, key);
            assert!(known.is_empty(), "{id} was stored beside {known:?}: {said:?}");
            self.unclaimed.insert(id.clone(), who);
        }
        for (id, archive) in &self.archives {
            let is_target = matches!(step, Step::Remove { .. }) && archive.name == key;
            let is_deleted = archive.deleted.is_none() && there[id].deleted.is_some();
            assert!(!is_deleted || is_target, "{step:?} deleted {id}: {archive:?}");
        }
        self.archives = there;
    }

    /// Rows of other keys are as before, or an inventory was taken in, which is so where what the branch kept before left the
    /// key unknown.
    fn adopt_cache_of_key(&mut self, who: usize, key: &str, state: &str, before: Knowledge) {
        let (cached, jobs_begun) = (self.peers[who].cached(), self.jobs_begun);
        let now = self.now();
        self.peers[who].knows.learn(key, state, now);
        self.expect_presence(who, key);
        self.jobs_begun = jobs_begun;
        let after = std::mem::replace(&mut self.peers[who].knows, before.clone());
        let rows = cached.rows.iter().chain(&before.rows).chain(&after.rows);
        let about: BTreeSet<String> =
            rows.filter(|(_, row)| row.name == key).map(|(id, _)| id.clone()).collect();
        self.adopt(who, &cached, vec![before, after], &about);
    }
}
