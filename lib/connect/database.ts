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
  /** Its default as SQL, or null. */
  readonly defaultSql: string | null;
  /** As it was declared, 0 for no array. PostgreSQL does not hold values to it. */
  readonly dimensions: number;
  /** p in line, m in line while it fits, x and e out of line when it is large. */
  readonly storage: string;
  /** Length, precision or bits as PostgreSQL encodes them; -1 where there are none. */
  readonly modifier: number;
}

/** A table, or a partition of one, of which PostgreSQL refuses updates and deletes as soon as it is published. */
export interface Unidentified {
  /** As SQL names it. */
  readonly name: string;
  /** Its replica identity, as in `TableFacts`. */
  readonly replicaIdentity: string;
}

export interface TableFacts {
  readonly schema: string;
  readonly name: string;
  /** r table, p partitioned table. */
  readonly kind: string;
  /** d default, n nothing, f full, i index. */
  readonly replicaIdentity: string;
  readonly primaryKey: readonly string[];
  /** Its primary key may be checked at commit, and is no replica identity then. */
  readonly deferrable: boolean;
  /** The table itself, or those of its partitions. */
  readonly unidentified: readonly Unidentified[];
  /** It has a unique index over columns that are not null. */
  readonly uniqueIndex: boolean;
  readonly selectable: boolean;
  readonly insertable: boolean;
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
  readonly superuser: boolean;
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
  /** The table for signals, when it is asked for and there. */
  readonly signals: TableFacts | undefined;
  /** `schema.table` of others, of which PostgreSQL refuses updates and deletes once all tables are published. Read only when they are, or would be. */
  readonly others: readonly string[];
}

const SERVER = `
  SELECT current_setting('server_version_num')::int AS version, current_database() AS database, current_user AS user,
    current_setting('wal_level') AS "walLevel", current_setting('max_replication_slots')::int AS "maxSlots",
    (SELECT count(*)::int FROM pg_replication_slots) AS slots, current_setting('max_wal_senders')::int AS "maxSenders",
    (SELECT count(*)::int FROM pg_stat_replication) AS senders,
    coalesce((SELECT setting::int FROM pg_settings WHERE name = 'max_slot_wal_keep_size'), -1) AS "maxSlotKeepMb",
    (SELECT r.rolsuper OR r.rolreplication FROM pg_roles r WHERE r.rolname = current_user)
      OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'rds_replication' AND pg_has_role(current_user, r.oid, 'MEMBER')) AS replication,
    (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) AS superuser,
    has_database_privilege(current_database(), 'CREATE') AS "createsPublications"`;

/** Whether PostgreSQL knows how to name a row of `x` to a subscriber: by all columns, the index that is said, or the primary key. */
const IDENTIFIED = `(x.relreplident = 'f' OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = x.oid AND i.indisvalid AND i.indimmediate
      AND CASE x.relreplident WHEN 'i' THEN i.indisreplident WHEN 'd' THEN i.indisprimary ELSE false END))`;

/** Columns as one JSON value. */
const TABLES = `
  SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.relreplident AS "replicaIdentity",
    coalesce((SELECT json_agg(a.attname ORDER BY k.position) FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, position), pg_attribute a
      WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.attnum), '[]') AS "primaryKey",
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND NOT i.indimmediate) AS deferrable,
    coalesce((SELECT json_agg(json_build_object('name', quote_ident(xn.nspname) || '.' || quote_ident(x.relname), 'replicaIdentity', x.relreplident) ORDER BY x.oid)
      FROM pg_class x JOIN pg_namespace xn ON xn.oid = x.relnamespace
      WHERE x.relkind = 'r' AND NOT ${IDENTIFIED} AND x.oid IN (SELECT c.oid UNION SELECT relid FROM pg_partition_tree(c.oid))), '[]') AS unidentified,
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
      AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey) AND NOT a.attnotnull)) AS "uniqueIndex",
    has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS selectable,
    has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT') AS insertable,
    pg_has_role(c.relowner, 'USAGE') AS owned,
    (SELECT json_agg(json_build_object('name', a.attname, 'type', coalesce(e.typname || '[]', b.typname, t.typname), 'kind', coalesce(e.typtype, b.typtype, t.typtype),
        'notNull', a.attnotnull, 'generated', a.attgenerated <> '',
        'defaultSql', (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = c.oid AND d.adnum = a.attnum AND a.attgenerated = ''),
        'dimensions', a.attndims, 'storage', a.attstorage, 'modifier', CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END) ORDER BY a.attnum)
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
        LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND n.nspname || '.' || c.relname = ANY ($1)`;

/** Tables that a publication of all tables publishes too. */
const OTHERS = `
  SELECT n.nspname || '.' || x.relname AS name FROM pg_class x JOIN pg_namespace n ON n.oid = x.relnamespace
  WHERE x.relkind = 'r' AND x.relpersistence = 'p' AND NOT ${IDENTIFIED} AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
    AND NOT n.nspname || '.' || x.relname = ANY ($1) ORDER BY 1`;

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

/** What of the connector's configuration says what is to be read. */
export interface FactNames {
  readonly slot: string;
  readonly publication: string;
  /** publication.autocreate.mode */
  readonly publicationMode: string;
  /** `schema.table` for signals. */
  readonly signals: string | undefined;
}

/** Reads what matters for capturing `tables` (`schema.table`); one that does not exist is left out. */
export const readFacts = async (client: pg.Client, tables: readonly string[], names: FactNames): Promise<DatabaseFacts> => {
  const server = (await client.query<ServerFacts>(SERVER)).rows[0]!;
  const captured = tables.filter((name) => name !== names.signals);
  const wanted = names.signals === undefined ? captured : [...captured, names.signals];
  const found = (await client.query<TableFacts>(TABLES, [wanted])).rows;
  const slot = (await client.query<SlotFacts>(SLOT, [names.slot])).rows[0];
  const publication = (await client.query<PublicationFacts>(PUBLICATION, [names.publication])).rows[0];
  const all = publication === undefined ? names.publicationMode === 'all_tables' : publication.allTables;
  const others = all ? (await client.query<{ name: string }>(OTHERS, [wanted])).rows.map(({ name }) => name) : [];
  const order = new Map(captured.map((name, index) => [name, index]));
  const nameOf = (table: TableFacts): string => `${table.schema}.${table.name}`;
  const own = found.filter((table) => order.has(nameOf(table))).sort((a, b) => order.get(nameOf(a))! - order.get(nameOf(b))!);
  return { server, tables: own, slot, publication, signals: found.find((table) => nameOf(table) === names.signals), others };
};
