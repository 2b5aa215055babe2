import avsc from 'avsc';

/** Registers a schema as any producer would. @returns its id */
export const registerSchema = async (registryUrl: string, subject: string, schema: object): Promise<number> => {
  const response = await fetch(`${registryUrl}/subjects/${encodeURIComponent(subject)}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: JSON.stringify(schema) }),
  });
  if (!response.ok) throw new Error(`the registry answers ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { readonly id: number }).id;
};

export const deleteSubject = async (registryUrl: string, subject: string): Promise<void> => {
  const url = `${registryUrl}/subjects/${encodeURIComponent(subject)}`;
  await fetch(url, { method: 'DELETE' });
  await fetch(`${url}?permanent=true`, { method: 'DELETE' });
};

/** The registry's wire format: 0, the schema's id, the value. */
export const wire = (id: number, body: Buffer): Buffer => {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(id, 1);
  return Buffer.concat([header, body]);
};

export const avroMessage = (id: number, schema: object, value: unknown): Buffer => wire(id, avsc.Type.forSchema(schema as never).toBuffer(value));
