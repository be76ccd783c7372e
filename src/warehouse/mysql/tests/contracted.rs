//! The contract of every warehouse. The tables are made beside the seam, by the owner of the server.

use super::*;
use crate::warehouse::contract::{Subject, contract, fresh};
use crate::warehouse::server::filling;
use crate::warehouse::{Holds, NewTable};
use async_trait::async_trait;

struct Served {
    server: Arc<MariaDbServer>,
    role: String,
    mysql: MySql,
}

impl Served {
    fn new() -> Self {
        let (server, role) = (MariaDbServer::shared(), fresh("reader"));
        server.say(&format!("CREATE DATABASE {role}; CREATE USER {role}@'%'; GRANT SELECT ON {role}.* TO {role}@'%'"));
        let tls = TlsConfig { on: false, ..TlsConfig::default() };
        let mysql = MySql::open(&Config { url: server.url(&role, &role), tls, ..Config::default() }).unwrap();
        Self { server, role, mysql }
    }
}

fn type_of(holds: Holds) -> &'static str {
    match holds {
        Holds::Text => "TEXT",
        Holds::Integer => "BIGINT",
        Holds::Number => "DOUBLE",
        Holds::Timestamp => "DATETIME(6)",
        Holds::Flag => "BOOLEAN",
    }
}

#[async_trait]
impl Subject for Served {
    fn warehouse(&self) -> &dyn Warehouse {
        &self.mysql
    }

    async fn put(&self, database: &str, table: NewTable) {
        let written = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
        let sql = filling::statements(&format!("`{database}`"), &table, '`', type_of, written);
        let role = &self.role;
        self.server
            .say(&format!("CREATE DATABASE IF NOT EXISTS `{database}`; GRANT SELECT ON `{database}`.* TO {role}@'%'; {sql}"));
    }

    fn endless(&self) -> String {
        LONG.to_owned()
    }

    async fn running(&self) -> usize {
        running(&self.server, &self.role)
    }

    fn attacks(&self, target: &str) -> Vec<String> {
        let mut attacks: Vec<String> = [
            "INSERT INTO {} VALUES (9, 'x')",
            "INSERT INTO {} VALUES (9, 'x') RETURNING id",
            "REPLACE INTO {} VALUES (9, 'x')",
            "UPDATE {} SET id = 9",
            "DELETE FROM {}",
            "DELETE FROM {} RETURNING id",
            "TRUNCATE {}",
            "DROP TABLE {}",
            "ALTER TABLE {} ADD COLUMN x INT",
            "CREATE TABLE x AS SELECT * FROM {}",
            "SELECT * FROM {} INTO OUTFILE '/tmp/x'",
            "SELECT id FROM {} LIMIT 1 INTO @x",
            "LOCK TABLES {} WRITE",
            "HANDLER {} OPEN",
            "LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE {}",
            "SELECT 1; DROP TABLE {}",
            "ANALYZE FORMAT=JSON DELETE FROM {}",
            "OPTIMIZE TABLE {}",
            "ANALYZE TABLE {}",
            "/*!50000 DROP TABLE {} */",
        ]
        .map(|attack| attack.replace("{}", target))
        .to_vec();
        attacks.extend(
            [
                "START TRANSACTION READ WRITE",
                "COMMIT",
                "SET SESSION TRANSACTION READ WRITE",
                "SET @x = 1",
                "SET GLOBAL general_log = 1",
                "DO SLEEP(0)",
                "USE mysql",
                "FLUSH PRIVILEGES",
                "SHUTDOWN",
                "KILL 1",
                "SELECT user FROM mysql.user",
                "SHOW BINARY LOGS",
                "CREATE USER x",
                "GRANT ALL ON *.* TO CURRENT_USER()",
                "SET ROLE x",
                "INSTALL SONAME 'x'",
                "CALL x()",
                "PREPARE s FROM 'DROP TABLE x'",
                "EXECUTE IMMEDIATE 'DROP TABLE x'",
            ]
            .map(ToOwned::to_owned),
        );
        attacks
    }
}

contract!(Served::new());
