//! The cache on its own: what an inventory that is not as it should be does to its rows.
#![allow(clippy::unwrap_used, missing_docs)]

use glacier_engine::cache::{
    Cache, CacheError, Comparison, FindingKind, InventoryTaken, ListedArchive, NewArchive, Scope,
};
use glacier_engine::treehash::TreeHash;
use glacier_engine::types::{ArchiveId, ArchiveRef, Timestamp, VaultName};

struct Fixture {
    _home: tempfile::TempDir,
    cache: Cache,
    scope: Scope,
    vault: VaultName,
}

fn at(day: u32) -> Timestamp {
    format!("2026-01-{day:02}T00:00:00Z").parse().unwrap()
}

fn listed(id: &str, name: &str) -> ListedArchive {
    let id: ArchiveId = id.parse().unwrap();
    ListedArchive {
        id,
        name: Some(name.to_owned()),
        created: Some(at(1)),
        size_bytes: Some(1),
        tree_hash: None,
    }
}

impl Fixture {
    fn new() -> Self {
        let home = tempfile::TempDir::new().unwrap();
        let cache = Cache::open(&home.path().join("db")).unwrap();
        let scope = Scope {
            account: Some("111122223333".parse().unwrap()),
            access_key_id: "AKIA".into(),
            region: "us-east-1".parse().unwrap(),
        };
        Self { _home: home, cache, scope, vault: "v".parse().unwrap() }
    }

    fn upload(&self, id: &str, name: &str, day: u32) {
        let id = id.parse().unwrap();
        let tree_hash = TreeHash::of(b"x");
        let archive = NewArchive { id: &id, name, size_bytes: 1, tree_hash, created_here: at(day) };
        self.cache.record_upload(&self.scope, &self.vault, &archive).unwrap();
    }

    fn reconcile(
        &self,
        rows: Vec<ListedArchive>,
        unreadable_rows: u64,
        day: u32,
    ) -> Result<Vec<FindingKind>, CacheError> {
        let comparison = Comparison {
            scope: &self.scope,
            vault: &self.vault,
            job: &"job".parse().unwrap(),
            requested: at(day),
            fix: true,
            now: at(day),
        };
        let mut findings = Vec::new();
        self.cache.reconcile(
            comparison,
            TreeHash::of(b"inventory"),
            |take| {
                for row in rows {
                    take(row)?;
                }
                Ok::<_, CacheError>(InventoryTaken {
                    account: self.scope.account.clone().unwrap(),
                    date: at(day),
                    unreadable_rows,
                })
            },
            &mut |finding| findings.push(finding.kind),
        )?;
        Ok(findings)
    }

    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let visit = |listed: &glacier_engine::cache::Listed<'_>| {
            names.push(listed.shown_name.to_owned());
            std::ops::ControlFlow::Continue(())
        };
        self.cache.list(&self.scope, &self.vault, visit).unwrap();
        names
    }
}

/// The row that makes no sense may be the one that is missed.
#[test]
fn nothing_is_forgotten_while_rows_cannot_be_read() {
    let fixture = Fixture::new();
    fixture.upload("a", "a", 1);
    fixture.upload("b", "b", 1);
    let gone: ArchiveId = "b".parse().unwrap();
    fixture.cache.mark_deleted(&gone, at(2)).unwrap();
    let findings = fixture.reconcile(vec![listed("c", "c")], 1, 20).unwrap();
    assert_eq!(findings, [FindingKind::Disappeared { fixed: false }]);
    assert_eq!(fixture.names(), ["a", "c"]);
    let known =
        fixture.cache.vault_knowledge(&fixture.scope, &fixture.vault).unwrap().unwrap().inventory.unwrap();
    assert_eq!((known.rows, known.is_complete), (1, false));
    let findings = fixture.reconcile(vec![listed("c", "c")], 0, 21).unwrap();
    assert_eq!(findings, [FindingKind::Disappeared { fixed: true }, FindingKind::DeletionConfirmed]);
    assert_eq!(fixture.names(), ["c"]);
}

#[test]
fn of_two_rows_with_one_id_the_first_counts() {
    let fixture = Fixture::new();
    let rows = vec![listed("a", "first"), listed("b", "b"), listed("a", "second"), listed("a", "third")];
    assert_eq!(fixture.reconcile(rows, 0, 20).unwrap(), []);
    assert_eq!(fixture.names(), ["b", "first"]);
}

#[test]
fn an_inventory_that_breaks_off_changes_nothing() {
    let fixture = Fixture::new();
    fixture.upload("a", "a", 1);
    let comparison = Comparison {
        scope: &fixture.scope,
        vault: &fixture.vault,
        job: &"job".parse().unwrap(),
        requested: at(20),
        fix: true,
        now: at(20),
    };
    let broken = fixture.cache.reconcile(
        comparison,
        TreeHash::of(b"inventory"),
        |take| {
            take(listed("c", "c"))?;
            Err(CacheError::Directory { path: "x".into(), source: std::io::ErrorKind::Other.into() })
        },
        &mut |finding| panic!("{finding:?}"),
    );
    assert!(broken.is_err());
    assert_eq!(fixture.names(), ["a"]);
    assert_eq!(fixture.cache.vault_knowledge(&fixture.scope, &fixture.vault).unwrap(), None);
}

/// An older inventory, taken in after a newer one, must not make what is known older.
#[test]
fn what_is_known_never_grows_older() {
    let fixture = Fixture::new();
    fixture.reconcile(vec![listed("a", "a")], 0, 20).unwrap();
    fixture.reconcile(vec![listed("a", "a")], 0, 10).unwrap();
    let found = fixture.cache.find(&fixture.scope, &fixture.vault, &ArchiveRef::Name("a".into())).unwrap();
    assert_eq!(found[0].last_seen_upstream, Some(at(20)));
    let known = fixture.cache.vault_knowledge(&fixture.scope, &fixture.vault).unwrap().unwrap();
    assert_eq!(known.inventory.unwrap().date, at(20));
}
