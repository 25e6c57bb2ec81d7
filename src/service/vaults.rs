//! Calls about vaults.

use aws_sdk_glacier::config::http::HttpResponse;
use aws_sdk_glacier::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_glacier::operation::RequestId;
use aws_sdk_glacier::types::DescribeVaultOutput;

use super::pages::{PAGES_MAX, Pages};
use super::{Glacier, ServiceError, error::answered, requests};
use crate::types::{AccountId, Timestamp, VaultName};

/// A vault as the service describes it. Its counts are those of the last inventory, not of this moment.
#[derive(Debug, Clone)]
pub struct Vault {
    /// Its name.
    pub name: VaultName,
    /// Its ARN.
    pub arn: String,
    /// The account that owns it.
    pub account: AccountId,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When the last inventory was made, if one was.
    pub last_inventory: Option<Timestamp>,
    /// How many archives that inventory lists.
    pub archives: u64,
    /// What they take up, in bytes, with the service's overhead of 32 KiB each.
    pub size_bytes: u64,
}

impl Glacier {
    /// Creates the vault; nothing changes if it exists. Returns the account that owns it.
    pub async fn create_vault(&self, vault: &VaultName) -> Result<AccountId, ServiceError> {
        let answer = self.client().await.create_vault().vault_name(vault.as_str()).send().await;
        let answer = answer.map_err(|error| self.sorted(&error))?;
        self.require_genuine(&answer)?;
        let account = answer.location().and_then(account_of_location);
        account.ok_or_else(|| ServiceError::bad_answer("a vault was made, but it does not say whose"))
    }

    /// Deletes the vault.
    ///
    /// # Errors
    ///
    /// Refused while the last inventory holds archives, or after anything was written since.
    pub async fn delete_vault(&self, vault: &VaultName) -> Result<(), ServiceError> {
        let answer = self.client().await.delete_vault().vault_name(vault.as_str()).send().await;
        self.require_genuine(&answer.map_err(|error| self.sorted(&error))?)
    }

    /// Describes the vault.
    pub async fn describe_vault(&self, vault: &VaultName) -> Result<Vault, ServiceError> {
        let answer = self.client().await.describe_vault().vault_name(vault.as_str()).send().await;
        let answer = answer.map_err(|error| self.sorted(&error))?;
        let date = |date: Option<&str>| date.and_then(|date| date.parse().ok());
        Ok(Vault {
            name: vault.clone(),
            arn: answer.vault_arn().unwrap_or_default().to_owned(),
            account: account_of_arn(answer.vault_arn())?,
            created: date(answer.creation_date()),
            last_inventory: date(answer.last_inventory_date()),
            archives: count(answer.number_of_archives()),
            size_bytes: count(answer.size_in_bytes()),
        })
    }

    /// Lists all vaults of the region by name, through all pages.
    pub async fn list_vaults(&self) -> Result<Vec<Vault>, ServiceError> {
        let (mut pages, mut vaults) = (Pages::at_most(PAGES_MAX), Vec::new());
        loop {
            let page = self.client().await.list_vaults().set_marker(pages.marker.clone()).send().await;
            let page = page.map_err(|error| self.sorted(&error))?;
            self.require_genuine(&page)?;
            for vault in page.vault_list() {
                vaults.push(listed(vault)?);
            }
            if !pages.turn(page.marker())? {
                return Ok(vaults);
            }
        }
    }

    pub(super) fn sorted<E>(&self, error: &SdkError<E, HttpResponse>) -> ServiceError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        requests::log_failure(error);
        ServiceError::from_sdk(self.place(), error)
    }

    /// Nothing else tells Glacier's empty answer from one that anything at the endpoint may give.
    pub(super) fn require_genuine(&self, answer: &impl RequestId) -> Result<(), ServiceError> {
        let genuine = answer.request_id().map(drop);
        genuine.ok_or_else(|| {
            let place = self.place();
            ServiceError::bad_answer(format!("it has no request id; is it Glacier that answers {place}?"))
        })
    }
}

fn listed(vault: &DescribeVaultOutput) -> Result<Vault, ServiceError> {
    let date = |date: Option<&str>| date.and_then(|date| date.parse().ok());
    Ok(Vault {
        name: answered(vault.vault_name().unwrap_or_default())?,
        arn: vault.vault_arn().unwrap_or_default().to_owned(),
        account: account_of_arn(vault.vault_arn())?,
        created: date(vault.creation_date()),
        last_inventory: date(vault.last_inventory_date()),
        archives: count(vault.number_of_archives()),
        size_bytes: count(vault.size_in_bytes()),
    })
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A location is `/111122223333/vaults/...`, always with the real account.
pub(super) fn account_of_location(location: &str) -> Option<AccountId> {
    location.split('/').nth(1)?.parse().ok()
}

/// An ARN is `arn:aws:glacier:REGION:ACCOUNT:vaults/NAME`.
pub(super) fn account_of_arn(arn: Option<&str>) -> Result<AccountId, ServiceError> {
    let account = arn.and_then(|arn| arn.split(':').nth(4)).and_then(|account| account.parse().ok());
    account.ok_or_else(|| ServiceError::bad_answer("a vault without an ARN"))
}
