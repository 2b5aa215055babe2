import pg from 'pg';

/** What a PostgreSQL server says about itself and the tables to capture. */

export interface Column {
  readonly name: string;
  /** The type's own name, `numeric`; of an array that of its elements, `numeric[]`; of a domain that of its base. */
  readonly type: string;
  /** b base, e enum, r range, m multirange, c composite, p pseudo. */
  readonly kind: string;
  readonly notNull: boolean;
  readonly generated: boolean;
  /** May be stored out of line, and is then not sent again when it did not change. */
  readonly wide: boolean;
}

export interface TableFacts {
  readonly schema: string;
  readonly name: string;
  /** r table, p partitioned table. */
  readonly kind: string;
  /** d default, n nothing, f full, i index. */
  readonly replicaIdentity: string;
  readonly primaryKey: readonly string[];
  /** It has a unique index over columns that are not null. */
  readonly uniqueIndex: boolean;
  readonly selectable: boolean;
  /** The user owns it, or is a member of the role that does. */
  readonly owned: boolean;
  readonly columns: readonly Column[];
}

export interface ServerFacts {
  readonly version: number;
  readonly database: string;
  readonly user: string;
  readonly walLevel: string;
  readonly maxSlots: number;
  readonly slots: number;
  readonly maxSenders: number;
  readonly senders: number;
  readonly maxSlotKeepMb: number;
  readonly replication: boolean;
  readonly createsPublications: boolean;
}

export interface SlotFacts {
  readonly plugin: string | null;
  readonly database: string | null;
  readonly active: boolean;
}

export interface PublicationFacts {
  readonly allTables: boolean;
  /** `schema.table` of each. */
  readonly tables: readonly string[];
}

export interface DatabaseFacts {
  readonly server: ServerFacts;
  readonly tables: readonly TableFacts[];
  readonly slot: SlotFacts | undefined;
  readonly publication: PublicationFacts | undefined;
}

const SERVER = `
  SELECT current_setting('server_version_num')::int AS version, current_database() AS database, current_user AS user,
    current_setting('wal_level') AS "walLevel", current_setting('max_replication_slots')::int AS "maxSlots",
    (SELECT count(*)::int FROM pg_replication_slots) AS slots, current_setting('max_wal_senders')::int AS "maxSenders",
    (SELECT count(*)::int FROM pg_stat_replication) AS senders,
    coalesce((SELECT setting::int FROM pg_settings WHERE name = 'max_slot_wal_keep_size'), -1) AS "maxSlotKeepMb",
    (SELECT r.rolsuper OR r.rolreplication FROM pg_roles r WHERE r.rolname = current_user)
      OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'rds_replication' AND pg_has_role(current_user, r.oid, 'MEMBER')) AS replication,
    has_database_privilege(current_database(), 'CREATE') AS "createsPublications"`;

/** Columns as one JSON value. Short texts are never stored out of line. */
const TABLES = `
  SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.relreplident AS "replicaIdentity",
    coalesce((SELECT json_agg(a.attname ORDER BY k.position) FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, position), pg_attribute a
      WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.attnum), '[]') AS "primaryKey",
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
      AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey) AND NOT a.attnotnull)) AS "uniqueIndex",
    has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS selectable,
    pg_has_role(c.relowner, 'USAGE') AS owned,
    (SELECT json_agg(json_build_object('name', a.attname, 'type', coalesce(e.typname || '[]', b.typname, t.typname), 'kind', coalesce(e.typtype, b.typtype, t.typtype),
        'notNull', a.attnotnull, 'generated', a.attgenerated <> '',
        'wide', a.attstorage IN ('x', 'e') AND NOT (t.typname IN ('varchar', 'bpchar') AND a.atttypmod BETWEEN 5 AND 259)) ORDER BY a.attnum)
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
        LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND n.nspname || '.' || c.relname = ANY ($1)`;

const NAMES = `
  SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)' ORDER BY 1`;

const SLOT = 'SELECT plugin, database, active FROM pg_replication_slots WHERE slot_name = $1';

const PUBLICATION = `
  SELECT p.puballtables AS "allTables", coalesce((SELECT json_agg(t.schemaname || '.' || t.tablename) FROM pg_publication_tables t WHERE t.pubname = p.pubname), '[]') AS tables
  FROM pg_publication p WHERE p.pubname = $1`;

export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** As libpq names them: disable, require, verify-full... */
  readonly sslMode?: string;
}

const CONNECT_TIMEOUT_MS = 5000;
const STATEMENT_TIMEOUT_MS = 10_000;

const sslOf = (mode: string | undefined): pg.ClientConfig['ssl'] => {
  if (mode === undefined || mode === 'disable' || mode === 'allow' || mode === 'prefer') return undefined;
  return { rejectUnauthorized: mode.startsWith('verify') };
};

/** Runs `task` on a connection of its own. */
export const withDatabase = async <T>(address: DatabaseAddress, task: (client: pg.Client) => Promise<T>): Promise<T> => {
  const { host, port, user, password, database } = address;
  const ssl = sslOf(address.sslMode);
  const client = new pg.Client({
    ...{ host, port, user, database, connectionTimeoutMillis: CONNECT_TIMEOUT_MS, statement_timeout: STATEMENT_TIMEOUT_MS, application_name: 'millrace connectors' },
    ...(password === undefined ? {} : { password }),
    ...(ssl === undefined ? {} : { ssl }),
  });
  // A connection that is cut while it is idle is told by the next query.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await task(client);
  } finally {
    await client.end().catch(() => undefined);
  }
};

/** `schema.table` of every table that is not PostgreSQL's own. */
export const tableNames = async (client: pg.Client): Promise<readonly string[]> => (await client.query<{ name: string }>(NAMES)).rows.map(({ name }) => name);

/** Reads what matters for capturing `tables` (`schema.table`); one that does not exist is left out. */
export const readFacts = async (client: pg.Client, tables: readonly string[], names: { readonly slot: string; readonly publication: string }): Promise<DatabaseFacts> => {
  const server = (await client.query<ServerFacts>(SERVER)).rows[0]!;
  const found = (await client.query<TableFacts>(TABLES, [tables])).rows;
  const slot = (await client.query<SlotFacts>(SLOT, [names.slot])).rows[0];
  const publication = (await client.query<PublicationFacts>(PUBLICATION, [names.publication])).rows[0];
  const order = new Map(tables.map((name, index) => [name, index]));
  const positionOf = (table: TableFacts): number => order.get(`${table.schema}.${table.name}`) ?? 0;
  return { server, tables: found.sort((a, b) => positionOf(a) - positionOf(b)), slot, publication };
};
