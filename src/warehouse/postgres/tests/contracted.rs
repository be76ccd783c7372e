//! The contract of every warehouse. The tables are made beside the seam, by the owner of the server.

use super::*;
use crate::warehouse::contract::{Subject, contract, fresh};
use crate::warehouse::server::filling;
use crate::warehouse::{Holds, NewTable};
use async_trait::async_trait;

struct Served {
    server: Arc<PostgresServer>,
    role: String,
    postgres: Postgres,
}

impl Served {
    fn new() -> Self {
        let (server, role) = (PostgresServer::shared(), fresh("reader"));
        server.say(&format!("CREATE ROLE {role} LOGIN"));
        let tls = TlsConfig { on: false, ..TlsConfig::default() };
        let postgres = Postgres::open(&Config { url: server.url(&role), tls, ..Config::default() }).unwrap();
        Self { server, role, postgres }
    }
}

fn type_of(holds: Holds) -> &'static str {
    match holds {
        Holds::Text => "text",
        Holds::Integer => "bigint",
        Holds::Number => "double precision",
        Holds::Timestamp => "timestamp",
        Holds::Flag => "boolean",
    }
}

#[async_trait]
impl Subject for Served {
    fn warehouse(&self) -> &dyn Warehouse {
        &self.postgres
    }

    async fn put(&self, database: &str, table: NewTable) {
        let written = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let sql = filling::statements(&format!("\"{database}\""), &table, '"', type_of, written);
        let role = &self.role;
        self.server.say(&format!(
            "CREATE SCHEMA IF NOT EXISTS \"{database}\"; GRANT USAGE ON SCHEMA \"{database}\" TO {role}; {sql}; \
             GRANT SELECT ON ALL TABLES IN SCHEMA \"{database}\" TO {role}"
        ));
    }

    fn endless(&self) -> String {
        "SELECT count(*) FROM (SELECT generate_series(1, 1000000000000)) q".to_owned()
    }

    async fn running(&self) -> usize {
        let sql = format!("SELECT pid FROM pg_stat_activity WHERE usename = '{}' AND state = 'active'", self.role);
        self.server.say(&sql).len()
    }

    fn attacks(&self, target: &str) -> Vec<String> {
        let mut attacks: Vec<String> = [
            "INSERT INTO {} VALUES (9, 'x')",
            "INSERT INTO {} VALUES (9, 'x') RETURNING id",
            "WITH x AS (INSERT INTO {} VALUES (9, 'x') RETURNING id) SELECT id FROM x",
            "UPDATE {} SET id = 9",
            "DELETE FROM {} RETURNING id",
            "MERGE INTO {} t USING (SELECT 1 AS one) s ON t.id = s.one WHEN MATCHED THEN DELETE",
            "TRUNCATE {}",
            "DROP TABLE {}",
            "ALTER TABLE {} ADD COLUMN x int",
            "CREATE TABLE x AS SELECT * FROM {}",
            "SELECT * INTO x FROM {}",
            "CREATE TEMP TABLE x (a int)",
            "SELECT id FROM {} FOR UPDATE",
            "LOCK TABLE {}",
            "COPY {} TO '/tmp/x'",
            "COPY {} TO PROGRAM 'true'",
            "COPY {} FROM STDIN",
            "SELECT 1; DROP TABLE {}",
            "EXPLAIN ANALYZE DELETE FROM {}",
        ]
        .map(|attack| attack.replace("{}", target))
        .to_vec();
        attacks.extend(
            [
                "BEGIN",
                "COMMIT",
                "ROLLBACK",
                "SET default_transaction_read_only = off",
                "SET ROLE postgres",
                "RESET ALL",
                "DISCARD ALL",
                "DO $$ BEGIN END $$",
                "SELECT set_config('transaction_read_only', 'off', true)",
                "SELECT pg_read_file('/etc/hostname')",
                "SELECT pg_ls_dir('/')",
                "SELECT lo_import('/etc/hostname')",
                "CREATE EXTENSION dblink",
                "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                "ALTER ROLE CURRENT_USER SUPERUSER",
                "LISTEN x",
                "NOTIFY x",
                "VACUUM",
                "CHECKPOINT",
            ]
            .map(ToOwned::to_owned),
        );
        attacks
    }
}

contract!(Served::new());
