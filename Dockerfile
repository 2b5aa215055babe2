# A worker: the compiled package, and the topologies it runs. What it runs is its command: see the end.
FROM node:24.21.0-bookworm-slim AS package
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY bin ./bin
COPY lib ./lib
COPY topology ./topology
RUN node bin/package.ts /build/package

FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
# Where the package is installed, the repository's manifest would stand for it.
RUN rm package.json package-lock.json && echo '{"private":true,"type":"module"}' > package.json

FROM node:24.21.0-bookworm-slim
# State on disk (MILLRACE_STATE=disk) goes to /data: a volume there keeps it, and /app belongs to root.
ENV NODE_ENV=production MILLRACE_HTTP_HOST=0.0.0.0 MILLRACE_HTTP_PORT=8080 MILLRACE_STATE_DIR=/data/state
WORKDIR /app
COPY --from=dependencies /app ./
COPY --from=package /build/package ./node_modules/millrace
COPY schemas ./schemas
COPY examples ./examples
RUN mkdir /data && chown node:node /data
# The image's user node, by number: where root is forbidden (runAsNonRoot of Kubernetes) a name is not believed.
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.MILLRACE_HTTP_PORT}/health/live`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "node_modules/millrace/bin/millrace.mjs"]
CMD ["run", "examples/engagement/topology.ts"]
