//! `vault delete`: the vault is gone when this ends.

use std::io::Write;

use anyhow::{Result, bail};

use super::vault;
use crate::cli::exit::Exit;
use crate::cli::session::Session;
use crate::types::{VaultName, quoted};

pub(super) async fn run(session: &Session, args: vault::Delete) -> Result<Exit> {
    if args.dry_run {
        return print(session, &args.name).await;
    }
    session.engine.delete_vault(&args.name).await?;
    Ok(Exit::Done)
}

async fn print(session: &Session, name: &VaultName) -> Result<Exit> {
    let info = session.engine.vault_info(name).await?;
    let vault = quoted(name.as_str());
    match (info.vault.archives, info.archives) {
        (0, 0) => writeln!(std::io::stdout(), "{name}")?,
        (0, known) => bail!("vault {vault} would not be deleted: {known} archives of it are known here"),
        (listed, _) => {
            bail!(
                "vault {vault} would not be deleted: Glacier's last inventory of it lists {listed} archives"
            )
        }
    }
    Ok(Exit::Done)
}
