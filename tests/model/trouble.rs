//! Steps of which the outcome is not known beforehand: someone dies in the middle, an answer is lost, or was lost before.
//! What may have happened since is what the documents allow, no more:
//!
//! - An upload stores at most one archive, of what was sent. One that is stored is on file, or there is a record that it
//!   may be stored; while there is, no answer is no, and the same data is not stored under the same name again.
//! - Of a deletion there is a record before it is done.
//! - A sync is taken in as a whole or not at all.
//! - Nothing else changes.

use std::collections::{BTreeMap, BTreeSet};

use glacier_engine::engine::{EngineError, Patience, Presence, Retrieval};

use super::knowledge::{Answer, HOUR, Knowledge, Row};
use super::peer::Cached;
use super::people::{Sent, by_id, by_name, max_age, may_change_doubt};
use super::step::Step;
use super::truth::Archives;
use super::wire::Break;
use super::world::{World, content_for, hash_of, name_of};

/// How far repeats of a request may push the clock, in seconds.
const MINUTES: f64 = 600.0;

/// What a call said.
#[derive(Debug)]
enum Said {
    Stored(String),
    Retrieval(Retrieval),
    Answer(Answer),
    Nothing,
}

/// What came of a call; none if whoever called died.
type Ended = Option<Result<Said, EngineError>>;

impl World {
    pub async fn act_in_trouble(&mut self, who: usize, step: &Step, planned: Option<Break>) {
        let (before, target) = (self.peers[who].knows.clone(), self.target(who, step));
        if let Some(planned) = planned {
            self.peers[who].wire.plan(planned);
        }
        let jobs_before = self.books.job_ids();
        let ended = self.call(who, step, target.as_deref()).await;
        self.peers[who].wire.mend();
        if ended.is_none() {
            self.peers[who].dies().await;
        }
        self.jobs_begun = self.books.job_ids().difference(&jobs_before).count();
        assert!(self.jobs_begun <= 1, "{} jobs were begun", self.jobs_begun);
        self.check_upload(&before, step, planned.is_some(), &ended);
        self.adopt_vault(who, step, target.as_deref(), &ended);
        self.adopt_cache(who, step, target.as_deref(), before);
        self.check_said(who, step, ended);
    }

    /// What may be stored already is not stored again unless that is insisted on; what cannot be, is; and one that was
    /// stored all the same is told of.
    fn check_upload(&self, before: &Knowledge, step: &Step, is_troubled: bool, ended: &Ended) {
        let Step::Upload { name, content, insists, .. } = *step else { return };
        let (name, hash) = (name_of(name), hash_of(content_for(name, content)));
        let mut alike = before.open.iter().filter(|open| open.may_have_stored(&name, &hash)).peekable();
        let is_refused = matches!(ended, Some(Err(EngineError::EarlierMayBeStored { .. })));
        if alike.peek().is_none() && !is_troubled {
            assert!(matches!(ended, Some(Ok(_))), "not stored: {ended:?}");
        } else if !insists && alike.any(|open| !open.is_in_parts) {
            assert!(is_refused || ended.is_none(), "it may be stored already, and {ended:?}");
        }
        let there = self.books.archives();
        let new = there.iter().filter(|(id, _)| !self.archives.contains_key(*id));
        let own = new.filter(|(_, new)| {
            !before.open.iter().any(|open| open.is_in_parts && open.may_have_stored(&new.name, &new.hash))
        });
        let is_told = matches!(
            ended,
            None | Some(Ok(_) | Err(EngineError::MayBeStored { .. } | EngineError::Unconfirmed { .. }))
        );
        assert!(is_told || own.count() == 0, "it was stored, and what was said is {ended:?}");
    }

    /// The one archive that a deletion means.
    fn target(&self, who: usize, step: &Step) -> Option<String> {
        match *step {
            Step::Delete { name, .. } => match self.peers[who].knows.named(&name_of(name))[..] {
                [(id, _)] => Some(id.clone()),
                _ => None,
            },
            Step::DeleteById { which, .. } | Step::RetrieveById { which, .. } => self.known(who, which),
            _ => None,
        }
    }

    async fn call(&self, who: usize, step: &Step, target: Option<&str>) -> Ended {
        let peer = &self.peers[who];
        let (engine, vault) = (peer.engine.clone(), self.vault.clone());
        let call = async {
            Ok(match *step {
                Step::Upload { name, content, source, insists, .. } => {
                    let sent = Sent { content: content_for(name, content), source, insists };
                    Said::Stored(self.uploaded(who, &name_of(name), sent).await?.id.to_string())
                }
                Step::Retrieve { name, .. } => {
                    Said::Retrieval(self.retrieved(who, by_name(&name_of(name))).await?)
                }
                Step::RetrieveById { .. } => match target {
                    Some(id) => Said::Retrieval(self.retrieved(who, by_id(id)).await?),
                    None => Said::Nothing,
                },
                Step::Delete { name, .. } => {
                    engine.delete(&vault, &by_name(&name_of(name))).await?;
                    Said::Nothing
                }
                Step::DeleteById { .. } => {
                    if let Some(id) = target {
                        engine.delete(&vault, &by_id(id)).await?;
                    }
                    Said::Nothing
                }
                Step::Presence { name, .. } => {
                    Said::Answer(match engine.presence(&vault, &by_name(&name_of(name)), max_age()).await? {
                        Presence::Present => Answer::Yes,
                        Presence::Absent => Answer::No,
                        Presence::Unknown(_) => Answer::Unknown,
                    })
                }
                Step::Sync { max_age_hours, fix, .. } => {
                    let age = std::time::Duration::from_secs(u64::from(max_age_hours) * 3600);
                    engine.sync(&vault, age, fix, Patience::ComeBackLater, |_| {}, &()).await?;
                    Said::Nothing
                }
                _ => unreachable!("{step:?} meets no trouble"),
            })
        };
        tokio::select! {
            biased;
            () = peer.wire.death() => None,
            ended = call => Some(ended),
        }
    }

    /// Takes over what has become of the vault, if it is allowed.
    fn adopt_vault(&mut self, who: usize, step: &Step, target: Option<&str>, ended: &Ended) {
        let there = self.books.archives();
        let new: Vec<&String> = there.keys().filter(|id| !self.archives.contains_key(*id)).collect();
        let knows = &self.peers[who].knows;
        let mut own = 0;
        for id in new {
            let (name, hash) = (&there[id].name, &there[id].hash);
            // Asked for its outcome, an upload in parts from before may have ended now.
            let is_earlier =
                knows.open.iter().any(|open| open.is_in_parts && open.may_have_stored(name, hash));
            match *step {
                Step::Upload { name: sent, content, .. }
                    if *name == name_of(sent) && *hash == hash_of(content_for(sent, content)) =>
                {
                    own += 1;
                }
                Step::Upload { .. } | Step::Presence { .. } if is_earlier => {}
                _ => panic!("{step:?} stored {id}: {:?}", there[id]),
            }
            let is_acknowledged = matches!(ended, Some(Ok(Said::Stored(stored))) if stored == id);
            if !is_acknowledged {
                self.unclaimed.insert(id.clone(), who);
            }
        }
        assert!(own <= 1, "an upload stored {own} archives");
        for (id, archive) in &self.archives {
            let now = &there[id];
            let is_target =
                Some(id.as_str()) == target && matches!(step, Step::Delete { .. } | Step::DeleteById { .. });
            let is_deleted = archive.deleted.is_none() && now.deleted.is_some();
            assert!(!is_deleted || is_target, "{step:?} deleted {id}: {now:?}");
        }
        self.archives = there;
    }

    /// Takes over what has become of the cache, if it is allowed.
    fn adopt_cache(&mut self, who: usize, step: &Step, target: Option<&str>, before: Knowledge) {
        let cached = self.peers[who].cached();
        let (mut allowed, jobs_begun) = (vec![before.clone()], self.jobs_begun);
        let name = match *step {
            Step::Upload { name, .. } | Step::Presence { name, .. } => name_of(name),
            _ => String::new(),
        };
        match *step {
            Step::Sync { max_age_hours, fix, .. } => {
                self.expect_sync(who, f64::from(max_age_hours) * HOUR, fix);
                allowed.push(std::mem::replace(&mut self.peers[who].knows, before));
            }
            Step::Presence { .. } => {
                self.expect_presence(who, &name);
                allowed.push(std::mem::replace(&mut self.peers[who].knows, before));
            }
            _ => {}
        }
        self.jobs_begun = jobs_begun;
        let is_new = |id: &String| {
            let is_own = self.unclaimed.get(id) == Some(&who) || !allowed[0].rows.contains_key(id);
            is_own && self.archives.get(id).is_some_and(|archive| archive.name == name)
        };
        let mut about: BTreeSet<String> = cached.rows.keys().filter(|id| is_new(id)).cloned().collect();
        about.extend(target.map(str::to_owned));
        if let Step::Retrieve { .. } | Step::RetrieveById { .. } = step {
            about.extend(self.newly_doubted_or_not(&allowed[0], cached.rows.clone()));
        }
        if let (Some(id), Step::Delete { .. } | Step::DeleteById { .. }) = (target, step)
            && self.archives[id].deleted.is_some()
            && let Some(row) = cached.rows.get(id)
        {
            assert!(row.begun.is_some(), "there is no record of the deletion of {id}: {row:?}");
        }
        self.adopt(who, &cached, allowed, &about);
    }

    /// Those that Glacier was asked for, and does not have or has not brought, or has brought after all.
    fn newly_doubted_or_not(&self, before: &Knowledge, rows: BTreeMap<String, Row>) -> BTreeSet<String> {
        let (now, jobs) = (self.now(), self.books.jobs(self.now()));
        let is_newly = |id: &String, row: &Row| {
            let Some(before) = before.rows.get(id) else { return false };
            let is_gone = self.archives[id].deleted.is_some();
            let change = (before.doubted, row.doubted);
            Row { doubted: row.doubted, proved: row.proved, ..before.clone() } == *row
                && change.0 != change.1
                && may_change_doubt(id, change, is_gone, &jobs, now)
        };
        let mut doubts = rows;
        doubts.retain(|id, row| is_newly(id, row));
        doubts.into_keys().collect()
    }

    /// Takes over what a cache says: but for what the step is about, it is one of what is allowed; and it is true.
    pub fn adopt(&mut self, who: usize, cached: &Cached, allowed: Vec<Knowledge>, about: &BTreeSet<String>) {
        let rest = |rows: &BTreeMap<String, Row>| {
            let rest = rows.iter().filter(|(id, _)| !about.contains(*id));
            rest.map(|(id, row)| (id.clone(), row.clone())).collect::<Vec<_>>()
        };
        let matching = allowed.into_iter().find(|knows| {
            let mut knows = knows.clone();
            knows.take_times_of(&cached.rows, MINUTES);
            rest(&knows.rows) == rest(&cached.rows) && cached.has_inventory_of(&knows, MINUTES)
        });
        let Some(matching) = matching else {
            panic!("the cache is neither as before nor as after: {cached:?}")
        };
        check_rows(&cached.rows, &self.archives);
        for id in self.peers[who].knows.rows.keys().filter(|id| !cached.rows.contains_key(*id)) {
            assert!(self.archives[id].deleted.is_some(), "{id} is there, and was forgotten");
        }
        let peer = &mut self.peers[who];
        peer.knows = Knowledge { rows: cached.rows.clone(), open: cached.open.clone(), ..matching };
        peer.compare_inventory(cached, MINUTES);
    }

    fn check_said(&mut self, who: usize, step: &Step, ended: Ended) {
        match (step, ended) {
            (Step::Upload { name, content, .. }, Some(Ok(Said::Stored(id)))) => {
                let archive = &self.archives[&id];
                assert_eq!(
                    (&archive.name, &archive.hash),
                    (&name_of(*name), &hash_of(content_for(*name, *content))),
                    "{id}"
                );
                assert!(
                    self.peers[who].knows.rows.contains_key(&id),
                    "{id} was acknowledged and is not on file"
                );
            }
            (Step::Presence { name, .. }, Some(Ok(Said::Answer(Answer::Yes)))) => {
                self.check_yes(who, &name_of(*name));
            }
            (Step::Presence { name, .. }, Some(Ok(Said::Answer(Answer::No)))) => {
                self.check_no(who, &name_of(*name));
            }
            (
                Step::Retrieve { .. } | Step::RetrieveById { .. },
                Some(Ok(Said::Retrieval(Retrieval::Done))),
            ) => {
                let brought = std::fs::read(self.peers[who].home.path().join("retrieved")).unwrap();
                let hash = glacier_engine::treehash::TreeHash::of(&brought).to_string();
                let is_right = self
                    .archives
                    .iter()
                    .any(|(id, archive)| archive.hash == hash && self.peers[who].knows.rows.contains_key(id));
                assert!(is_right, "what was brought");
            }
            _ => {}
        }
    }

    /// What was stored without an answer is on file by now, or on record.
    pub fn check_unclaimed(&mut self) {
        let Self { unclaimed, peers, archives, .. } = self;
        unclaimed.retain(|id, who| {
            let (knows, archive) = (&peers[*who].knows, &archives[id]);
            if knows.rows.contains_key(id) || archive.deleted.is_some() {
                return false;
            }
            let is_on_record =
                knows.open.iter().any(|open| open.may_have_stored(&archive.name, &archive.hash));
            assert!(is_on_record, "{id} was stored, and nothing tells: {archive:?}, {:?}", knows.open);
            true
        });
    }
}

/// What is on file is or was in the vault, as it is on file.
fn check_rows(rows: &BTreeMap<String, Row>, archives: &Archives) {
    for (id, row) in rows {
        let archive = archives.get(id).unwrap_or_else(|| panic!("{id} was never in the vault: {row:?}"));
        assert_eq!(row.name, archive.name, "{id}");
        assert!(row.hash.as_ref().is_none_or(|hash| *hash == archive.hash), "{id}: {row:?}");
        assert!(row.deleted.is_none() || archive.deleted.is_some(), "{id} is there: {row:?}");
    }
}
