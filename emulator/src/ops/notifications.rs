//! Who is told when a job ends (API reference, "Set Vault Notification Configuration"). There is no topic service here:
//! the messages are kept, for `GET /_emulator/notifications`.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::jobs::Task;
use super::settings::{Kind, done, object, setting_in};
use super::{Answer, Glacier};
use crate::error::Refusal;
use crate::request::{Operation, Request};

/// What can be told of; a vault has at most each of them once.
const EVENTS: [&str; 2] = ["ArchiveRetrievalCompleted", "InventoryRetrievalCompleted"];

impl Glacier {
    pub(super) fn set_notifications(&self, request: &Request, body: &[u8]) -> Answer {
        self.require_vault(request)?;
        let sent = object(body)?;
        let topic = sent["SNSTopic"].as_str().filter(|topic| !topic.is_empty());
        let topic = topic.ok_or_else(|| Refusal::missing("SNSTopic"))?;
        let events = sent["Events"].as_array().filter(|events| !events.is_empty());
        let events = events.ok_or_else(|| Refusal::missing("Events"))?;
        if let Some(unknown) =
            events.iter().find(|event| !event.as_str().is_some_and(|event| EVENTS.contains(&event)))
        {
            return Err(Refusal::invalid(format!("Invalid notification event: {unknown}")));
        }
        if events.len() > EVENTS.len() {
            return Err(Refusal::invalid(format!("At most {} notification events", EVENTS.len())));
        }
        self.deliver()?;
        self.set(request, Kind::Notifications, json!({"Events": events, "SNSTopic": topic}))?;
        done()
    }

    pub(super) fn notifications_of(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        let missing = || Refusal::not_found("No notification configuration is set for this vault.");
        Ok(self.json(&self.setting(request, Kind::Notifications)?.ok_or_else(missing)?))
    }

    pub(super) fn delete_notifications(&self, request: &Request) -> Answer {
        self.require_vault(request)?;
        self.deliver()?;
        self.unset(request, Kind::Notifications)?;
        done()
    }

    /// Returns all messages that were sent, oldest first.
    pub(crate) fn messages(&self) -> Answer {
        self.deliver()?;
        let index = self.store.index();
        let mut query = index.prepare("SELECT topic, message FROM message ORDER BY position")?;
        let messages = query.query_map([], |row| {
            let (topic, message): (String, String) = (row.get(0)?, row.get(1)?);
            Ok(json!({"Message": message, "Subject": null, "TopicArn": topic}))
        })?;
        let messages: Vec<Value> = messages.collect::<rusqlite::Result<_>>()?;
        Ok(self.json(&json!({"notifications": messages})))
    }

    /// Sends what is due: for each job that has ended since the last time, to its own topic and to its vault's.
    pub(super) fn deliver(&self) -> Result<(), Refusal> {
        let mut index = self.store.index();
        let transaction = index.transaction()?;
        let due: Vec<[String; 3]> = {
            let sql = "UPDATE job SET told = 1 WHERE completes <= ?1 AND told = 0
                       RETURNING completes, position, region, vault, id";
            let mut query = transaction.prepare(sql)?;
            let rows = query.query_map([self.clock.now_milliseconds()], |row| {
                Ok(((row.get(0)?, row.get(1)?), [row.get(2)?, row.get(3)?, row.get(4)?]))
            })?;
            let mut rows: Vec<((i64, i64), _)> = rows.collect::<rusqlite::Result<_>>()?;
            rows.sort_unstable_by_key(|(ended, _)| *ended);
            rows.into_iter().map(|(_, job)| job).collect()
        };
        for [region, vault, id] in due {
            let request = Request::internal(Operation::DescribeJob, region, vault, id);
            for (topic, message) in self.topics(&transaction, &request)? {
                insert(&transaction, &topic, &message)?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn topics(&self, index: &Connection, request: &Request) -> Result<Vec<(String, String)>, Refusal> {
        // Even if it can be asked for no more: it ended, however far the clock was pushed beyond that.
        let Some(job) = self.job_if_it_completes_after(index, request, i64::MIN)? else {
            return Ok(Vec::new());
        };
        let message = self.job_json(index, request, &job)?.to_string();
        let event = if matches!(job.task, Task::Archive { .. }) { EVENTS[0] } else { EVENTS[1] };
        let of_vault = setting_in(index, request, Kind::Notifications)?.filter(|setting| {
            setting["Events"].as_array().is_some_and(|events| events.iter().any(|wanted| wanted == event))
        });
        let of_vault = of_vault.and_then(|setting| setting["SNSTopic"].as_str().map(str::to_owned));
        Ok(job.topic.into_iter().chain(of_vault).map(|topic| (topic, message.clone())).collect())
    }
}

fn insert(index: &Connection, topic: &str, message: &str) -> rusqlite::Result<()> {
    index.execute("INSERT INTO message (topic, message) VALUES (?1, ?2)", [topic, message]).map(drop)
}
