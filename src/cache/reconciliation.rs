//! Comparing a vault's rows with an inventory that stands in `temp.listed`, within one transaction.

use std::time::Duration;

use rusqlite::{ToSql, Transaction};

use super::accounts::OWNED;
use super::checksum::checksum;
use super::findings;
use super::inventory::{Comparison, InventoryTaken};
use super::lag::{INVENTORY_LAG, seen_at};
use crate::treehash::TreeHash;
use crate::types::Timestamp;

/// Longer than anyone goes by a time at which an archive was known to exist (`maxage` is 60 hours).
const GONE_IS_REMEMBERED_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Whether the inventory's row `l` says of the archive `a` what cannot be, as no archive ever changes. What makes no sense in
/// the cache, which others write to as well, is not held against it, nor is a size without a hash: that is hearsay.
const IS_CHANGED: &str = "coalesce(length(a.tree_hash) = 64 AND (
    coalesce(lower(a.tree_hash) <> l.tree_hash, false)
    OR coalesce(typeof(a.size_bytes) = 'integer' AND a.size_bytes <> l.size_bytes, false)), false)";

/// A comparison under way.
pub(super) struct Reconciliation<'a> {
    pub(super) comparison: Comparison<'a>,
    pub(super) taken: &'a InventoryTaken,
    pub(super) transaction: &'a Transaction<'a>,
}

impl Reconciliation<'_> {
    pub(super) fn run(&self, content: TreeHash) -> rusqlite::Result<()> {
        let serial = self.next_serial()?;
        self.find_changed()?;
        self.find_strange_among_listed()?;
        self.doubt_changed()?;
        self.take_over_changed()?;
        let known = self.take_over_known(serial)?;
        let listed: i64 =
            self.transaction.query_row("SELECT count(*) FROM temp.listed", [], |row| row.get(0))?;
        if i64::try_from(known).is_ok_and(|known| known < listed) {
            self.take_over_new(serial)?;
            self.note_that_others_store_here()?;
        }
        self.list_again(serial)?;
        self.find_not_listed(serial, Some(listed))?;
        self.unsee()?;
        self.remember_inventory(serial, listed, content)?;
        self.forget()
    }

    /// Notes that all that the last inventory lists was seen again, by another one with the same list.
    pub(super) fn see_again(&self, serial: i64) -> rusqlite::Result<()> {
        let seen = self.seen_at().unix_seconds();
        self.execute(
            "UPDATE main.archive SET last_seen_upstream = :seen
             WHERE listed_in = :serial AND coalesce(last_seen_upstream < :seen, true)",
            &[(":seen", &seen), (":serial", &serial)],
        )?;
        self.execute(
            "UPDATE main.vault SET inventory_job = :job, inventory_requested = :requested
             WHERE account = :account AND region = :region AND name = :name AND inventory_requested < :requested",
            &[
                (":job", &self.comparison.job.as_str()),
                (":requested", &self.comparison.requested.unix_seconds()),
                (":account", &self.account()),
                (":region", &self.comparison.scope.region.as_str()),
                (":name", &self.comparison.vault.as_str()),
            ],
        )
        .map(drop)
    }

    /// The archives that are listed although they were deleted from here, where nothing else is strange.
    pub(super) fn find_deleted(&self, serial: i64) -> rusqlite::Result<()> {
        let sql = format!(
            "{} SELECT id, name, size_bytes, tree_hash, created_upstream, created_here, last_seen_upstream,
                       deletion_begun, deleted_here, file_name,
                       iif(deleted_here < :date, 'still present', 'deletion not yet listed'),
                       :fix AND deleted_here < :long_before, NULL, NULL, NULL
             FROM main.archive WHERE listed_in = :serial AND deleted_here IS NOT NULL ORDER BY created_upstream, id",
            findings::INSERTED
        );
        let long_before = self.long_before().unix_seconds();
        let values: [(&str, &dyn ToSql); 4] = [
            (":serial", &serial),
            (":date", &self.date()),
            (":fix", &self.comparison.fix),
            (":long_before", &long_before),
        ];
        self.execute(&sql, &values)?;
        self.list_again(serial)
    }

    /// The archives of which more is to be done than to note that they were seen: of most, from day to day, there is
    /// nothing.
    fn find_changed(&self) -> rusqlite::Result<()> {
        self.execute(
            "INSERT INTO temp.changed (id)
             SELECT l.id FROM temp.listed AS l CROSS JOIN main.archive AS a ON a.id = l.id
             WHERE a.deleted_here IS NOT NULL
                 OR a.name IS NOT l.name OR a.file_name IS NOT l.file_name OR a.vault <> :vault OR a.account IS NOT :account OR a.region IS NOT :region
                 OR a.size_bytes IS NOT l.size_bytes OR a.tree_hash IS NOT l.tree_hash
                 OR a.created_upstream IS NOT l.created",
            &[
                (":vault", &self.comparison.vault.as_str()),
                (":account", &self.account()),
                (":region", &self.comparison.scope.region.as_str()),
            ],
        )
        .map(drop)
    }

    /// Archives listed under another name, with another content, or although they were deleted from here. What follows a
    /// name that is taken over speaks of the archive by the new one.
    fn find_strange_among_listed(&self) -> rusqlite::Result<()> {
        let sql = format!(
            "WITH strange AS MATERIALIZED (
                 SELECT a.*, l.position, coalesce(l.name, '') AS listed_name, l.file_name AS listed_file_name,
                        a.name <> '' AND a.name <> coalesce(l.name, '') AS is_renamed,
                        a.deleted_here IS NULL AND {IS_CHANGED} AS is_changed,
                        l.size_bytes AS listed_size_bytes, l.tree_hash AS listed_tree_hash
                 FROM temp.changed AS c JOIN temp.listed AS l ON l.id = c.id JOIN main.archive AS a ON a.id = c.id
                 WHERE a.deleted_here IS NOT NULL OR is_renamed OR is_changed
             ), found AS (
                 SELECT *, 1 AS rank, 'renamed' AS kind, :fix AS fixed, listed_name AS renamed_to,
                        name AS told_name, file_name AS told_file_name
                 FROM strange WHERE is_renamed
                 UNION ALL
                 SELECT *, 2, 'content changed', :fix, NULL,
                        iif(is_renamed AND :fix, listed_name, name),
                        iif(is_renamed AND :fix, listed_file_name, file_name)
                 FROM strange WHERE is_changed
                 UNION ALL
                 SELECT *, 3, iif(deleted_here < :date, 'still present', 'deletion not yet listed'),
                        :fix AND deleted_here < :long_before, NULL,
                        iif(is_renamed AND :fix, listed_name, name),
                        iif(is_renamed AND :fix, listed_file_name, file_name)
                 FROM strange WHERE deleted_here IS NOT NULL
             )
             {} SELECT id, told_name, size_bytes, tree_hash, created_upstream, created_here, last_seen_upstream,
                       deletion_begun, deleted_here, told_file_name, kind, fixed, renamed_to, listed_size_bytes,
                       listed_tree_hash
             FROM found ORDER BY position, rank",
            findings::INSERTED
        );
        let long_before = self.long_before().unix_seconds();
        let values: [(&str, &dyn ToSql); 3] =
            [(":fix", &self.comparison.fix), (":date", &self.date()), (":long_before", &long_before)];
        self.execute(&sql, &values).map(drop)
    }

    /// Whether what an id stands for is still what was stored under it is not known while an inventory denies it: the
    /// archive is in doubt, by each such inventory anew, unless a later job brings what was stored.
    fn doubt_changed(&self) -> rusqlite::Result<()> {
        self.execute(
            "UPDATE main.archive SET doubted = iif(typeof(doubted) IN ('integer', 'real'),
                 max(doubted, :requested), :requested)
             WHERE id IN (SELECT id FROM temp.finding WHERE kind = 'content changed' AND NOT fixed)",
            &[(":requested", &self.comparison.requested.unix_seconds())],
        )
        .map(drop)
    }

    /// An archive that was deleted here longer before the inventory than any inventory lags behind, and is listed, was
    /// not deleted: with `fix` its row is one like others again.
    fn list_again(&self, serial: i64) -> rusqlite::Result<()> {
        let sql = "UPDATE main.archive SET deleted_here = NULL, deletion_begun = NULL
                   WHERE :fix AND listed_in = :serial AND deleted_here < :long_before";
        let long_before = self.long_before().unix_seconds();
        let values: [(&str, &dyn ToSql); 3] =
            [(":fix", &self.comparison.fix), (":serial", &serial), (":long_before", &long_before)];
        self.execute(sql, &values).map(drop)
    }

    fn long_before(&self) -> Timestamp {
        self.taken.date - INVENTORY_LAG
    }

    /// Ids are unique everywhere, so a row that was filed under a key of old is found by its id and taken over.
    fn take_over_changed(&self) -> rusqlite::Result<()> {
        let from_changed = "FROM temp.changed AS c JOIN temp.listed AS l ON l.id = c.id WHERE a.id = c.id";
        self.execute(
            &format!(
                "UPDATE main.archive AS a SET vault = :vault, account = :account, region = :region {from_changed}
                 AND (a.vault, a.account, a.region) IS NOT (:vault, :account, :region)"
            ),
            &[
                (":vault", &self.comparison.vault.as_str()),
                (":account", &self.account()),
                (":region", &self.comparison.scope.region.as_str()),
            ],
        )?;
        self.execute(
            &format!(
                "UPDATE main.archive AS a SET name = l.name, file_name = l.file_name {from_changed}
                 AND (a.name, a.file_name) IS NOT (l.name, l.file_name)
                 AND (a.name IS l.name OR coalesce(a.name, '') = '' OR :fix)"
            ),
            &[(":fix", &self.comparison.fix)],
        )?;
        self.execute(
            &format!(
                "UPDATE main.archive AS a SET
                     size_bytes = coalesce(l.size_bytes, a.size_bytes), tree_hash = coalesce(l.tree_hash, a.tree_hash),
                     created_upstream = coalesce(l.created, a.created_upstream) {from_changed}
                 AND (:fix OR NOT {IS_CHANGED})"
            ),
            &[(":fix", &self.comparison.fix)],
        )
        .map(drop)
    }

    /// Returns how many of the listed archives the cache had. What is known never grows older.
    fn take_over_known(&self, serial: i64) -> rusqlite::Result<usize> {
        self.execute(
            "UPDATE main.archive AS a
             SET last_seen_upstream = iif(typeof(a.last_seen_upstream) IN ('integer', 'real'),
                     max(a.last_seen_upstream, :seen), :seen), listed_in = :serial
             WHERE EXISTS (SELECT 1 FROM temp.listed AS l WHERE l.id = a.id)",
            &[(":seen", &self.seen_at().unix_seconds()), (":serial", &serial)],
        )
    }

    /// In the order of their ids, which is the order of the file's own index.
    fn take_over_new(&self, serial: i64) -> rusqlite::Result<()> {
        self.execute(
            "INSERT INTO main.archive (id, name, file_name, vault, key, created_here, account, region,
                                       last_seen_upstream, size_bytes, tree_hash, created_upstream, listed_in)
             SELECT id, name, file_name, :vault, :key, :now, :account, :region, :seen, size_bytes, tree_hash, created,
                    :serial
             FROM temp.listed AS l WHERE NOT EXISTS (SELECT 1 FROM main.archive AS a WHERE a.id = l.id) ORDER BY id",
            &[
                (":vault", &self.comparison.vault.as_str()),
                (":key", &self.comparison.scope.access_key_id),
                (":now", &self.comparison.now.unix_seconds()),
                (":account", &self.account()),
                (":region", &self.comparison.scope.region.as_str()),
                (":seen", &self.seen_at().unix_seconds()),
                (":serial", &serial),
            ],
        )
        .map(drop)
    }

    /// Of a vault that was made here all is known only as long as nobody else stores in it.
    fn note_that_others_store_here(&self) -> rusqlite::Result<()> {
        self.execute(
            "UPDATE main.vault SET empty_since = NULL WHERE account = :account AND region = :region AND name = :name",
            &[
                (":account", &self.account()),
                (":region", &self.comparison.scope.region.as_str()),
                (":name", &self.comparison.vault.as_str()),
            ],
        )
        .map(drop)
    }

    /// An upload counts as old by the time that the inventory tells of, not by its date: what was stored here and deleted
    /// elsewhere before any inventory listed it would else be called new for as long as the vault rests.
    ///
    /// A row of an old file may be of a vault of the same name in another region: it is not forgotten while that one's
    /// inventory is still to come. Nor is anything while rows of this inventory could not be read.
    pub(super) fn find_not_listed(&self, serial: i64, listed: Option<i64>) -> rusqlite::Result<()> {
        // Of a vault that is most of the file, all rows in their own order are read faster than by the index.
        let last: Option<i64> =
            self.transaction.query_row("SELECT max(rowid) FROM main.archive", [], |row| row.get(0))?;
        let by_index = if listed.is_none_or(|listed| Some(listed) > last.map(|last| last / 8)) {
            "NOT INDEXED"
        } else {
            ""
        };
        let is_complete = self.taken.unreadable_rows == 0;
        let sql = format!(
            "{} SELECT id, name, size_bytes, tree_hash, created_upstream, created_here, last_seen_upstream,
                       deletion_begun, deleted_here, file_name, kind,
                       kind = 'disappeared' AND :fix AND :complete AND (region IS NOT NULL OR NOT EXISTS (
                           SELECT 1 FROM main.vault AS v WHERE v.account = :account AND v.name = :vault
                               AND v.region <> :region AND v.inventory_date IS NULL)), NULL, NULL, NULL
             FROM (SELECT *, CASE
                       WHEN deleted_here < :date THEN 'deletion confirmed'
                       WHEN last_seen_upstream IS NOT NULL OR created_here < :old THEN 'disappeared'
                       ELSE 'not yet listed' END AS kind
                   FROM main.archive AS a {by_index}
                   WHERE vault = :vault AND {OWNED} AND listed_in IS NOT :serial)
             WHERE :complete OR kind <> 'deletion confirmed' ORDER BY coalesce(file_name, name), id",
            findings::INSERTED
        );
        self.execute(
            &sql,
            &[
                (":vault", &self.comparison.vault.as_str()),
                (":key", &self.comparison.scope.access_key_id),
                (":account", &self.account()),
                (":region", &self.comparison.scope.region.as_str()),
                (":serial", &serial),
                (":fix", &self.comparison.fix),
                (":complete", &is_complete),
                (":date", &self.date()),
                (":old", &(self.seen_at() - INVENTORY_LAG).unix_seconds()),
            ],
        )
        .map(drop)
    }

    /// What the newest inventory must list and does not was not seen at any time that it tells of, whatever a clock said that
    /// ran ahead.
    fn unsee(&self) -> rusqlite::Result<()> {
        self.execute(
            "UPDATE main.archive SET last_seen_upstream = :seen - 1
             WHERE last_seen_upstream >= :seen AND :complete
                 AND id IN (SELECT id FROM temp.finding WHERE kind = 'disappeared' AND NOT fixed)
                 AND NOT EXISTS (
                     SELECT 1 FROM main.vault AS v WHERE v.account = :account AND v.region = :region
                         AND v.name = :vault AND v.inventory_requested > :requested)",
            &[
                (":seen", &self.seen_at().unix_seconds()),
                (":complete", &(self.taken.unreadable_rows == 0)),
                (":account", &self.account()),
                (":region", &self.comparison.scope.region.as_str()),
                (":vault", &self.comparison.vault.as_str()),
                (":requested", &self.comparison.requested.unix_seconds()),
            ],
        )
        .map(drop)
    }

    /// Of an archive that was stored long ago nobody is told any more that it was stored lately.
    pub(super) fn forget(&self) -> rusqlite::Result<()> {
        let now = self.comparison.now;
        let long_ago = (now - GONE_IS_REMEMBERED_FOR).unix_seconds();
        let (now, forgotten) =
            (now.unix_seconds(), "kind = 'deletion confirmed' OR (kind = 'disappeared' AND fixed)");
        self.execute("DELETE FROM main.gone WHERE noted < :long_ago", &[(":long_ago", &long_ago)])?;
        let sql = format!(
            "INSERT OR REPLACE INTO main.gone (id, noted) SELECT id, :now FROM temp.finding
             WHERE ({forgotten}) AND coalesce(created_upstream, created_here, 0) >= :long_ago"
        );
        self.execute(&sql, &[(":now", &now), (":long_ago", &long_ago)])?;
        let sql =
            format!("DELETE FROM main.archive WHERE id IN (SELECT id FROM temp.finding WHERE {forgotten})");
        self.execute(&sql, &[]).map(drop)
    }

    /// Returns the number of this inventory, which the rows that it lists are marked with.
    fn next_serial(&self) -> rusqlite::Result<i64> {
        // All vaults together are counted, so that a row's mark can mean but one inventory.
        let sql = "
            INSERT INTO main.vault (account, region, name, inventory_serial)
            VALUES (?1, ?2, ?3, (SELECT coalesce(max(inventory_serial), 0) + 1 FROM main.vault))
            ON CONFLICT DO UPDATE SET inventory_serial = excluded.inventory_serial
            RETURNING inventory_serial";
        let region = self.comparison.scope.region.as_str();
        let vault = (self.account(), region, self.comparison.vault.as_str());
        self.transaction.query_row(sql, vault, |row| row.get(0))
    }

    /// An older inventory than the last does not take its place. Where a name or content was not taken over, or a row not
    /// read, there is more to tell than the rows themselves show, and so no checksum.
    fn remember_inventory(&self, serial: i64, listed: i64, content: TreeHash) -> rusqlite::Result<()> {
        let sql = "SELECT EXISTS (
            SELECT 1 FROM temp.finding WHERE kind IN ('renamed', 'content changed') AND NOT fixed)";
        let is_contradicted: bool = self.transaction.query_row(sql, [], |row| row.get(0))?;
        let is_plain = self.taken.unreadable_rows == 0 && !is_contradicted;
        let checksum = is_plain.then(|| checksum(self.transaction, serial)).transpose()?;
        self.execute(
            "UPDATE main.vault SET
                 inventory_date = :date, inventory_requested = :requested, inventory_rows = :rows,
                 inventory_unreadable = :unreadable, inventory_job = :job, inventory_content = :content,
                 inventory_checksum = :checksum, inventory_last = :serial
             WHERE account = :account AND region = :region AND name = :name
                 AND coalesce(inventory_requested <= :requested, true)",
            &[
                (":account", &self.account()),
                (":region", &self.comparison.scope.region.as_str()),
                (":name", &self.comparison.vault.as_str()),
                (":date", &self.date()),
                (":requested", &self.comparison.requested.unix_seconds()),
                (":rows", &listed),
                (":unreadable", &i64::try_from(self.taken.unreadable_rows).unwrap_or(i64::MAX)),
                (":job", &self.comparison.job.as_str()),
                (":content", &content.to_string()),
                (":checksum", &checksum),
                (":serial", &serial),
            ],
        )
        .map(drop)
    }

    fn account(&self) -> &str {
        self.taken.account.as_str()
    }

    fn date(&self) -> f64 {
        self.taken.date.unix_seconds()
    }

    fn seen_at(&self) -> Timestamp {
        seen_at(self.taken.date, self.comparison.requested)
    }

    fn execute(&self, sql: &str, parameters: &[(&str, &dyn ToSql)]) -> rusqlite::Result<usize> {
        self.transaction.prepare(sql)?.execute(parameters)
    }
}
