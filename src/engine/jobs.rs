//! Jobs under way, of all vaults.

use super::{Engine, EngineError};
use crate::service::{Job, JobTask};
use crate::types::{ArchiveRef, VaultName};

/// A job and what it is about.
#[derive(Debug, Clone)]
pub struct VaultJob {
    /// The vault.
    pub vault: VaultName,
    /// The job.
    pub job: Job,
    /// The archive that it brings; none for an inventory.
    pub archive: Option<ArchiveRef>,
}

impl Engine {
    /// Returns the jobs of all vaults of the region, in the service's order.
    pub async fn jobs(&self) -> Result<Vec<VaultJob>, EngineError> {
        let mut scope = self.scope().await?;
        let mut found = Vec::new();
        for vault in self.glacier.list_vaults().await? {
            self.learn(&mut scope, &vault.name, &vault.account)?;
            for job in self.glacier.list_jobs(&vault.name).await? {
                let archive = match &job.task {
                    JobTask::Inventory(_) => None,
                    JobTask::Archive(task) => {
                        let by_id = ArchiveRef::Id(task.archive.clone());
                        let known = self.find(&scope, &vault.name, &by_id)?.pop();
                        Some(known.map_or(by_id, |archive| archive.reference()))
                    }
                };
                found.push(VaultJob { vault: vault.name.clone(), job, archive });
            }
        }
        Ok(found)
    }
}
