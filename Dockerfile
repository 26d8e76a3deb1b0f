# Builds the dashboard, then both binaries, then an image that contains nothing else.

FROM node:22-bookworm-slim AS page
WORKDIR /src/dashboard
COPY dashboard/package.json dashboard/package-lock.json dashboard/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY dashboard/ ./
RUN npm run build

FROM rust:1.95-bookworm AS programs
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY shared/ shared/
COPY telemetry/ telemetry/
COPY api/ api/
COPY worker/ worker/
COPY tests/ tests/
COPY bench/ bench/
COPY migrations/ migrations/
COPY --from=page /src/dashboard/dist dashboard/dist
# The build context has no .git: `docker build --build-arg BANTER_COMMIT=$(git rev-parse --short=12 HEAD)`.
ARG BANTER_COMMIT=
RUN cargo build --release --locked

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin banter \
    && install -d -o banter -g banter -m 0700 /data /attachments
COPY --from=programs /src/target/release/api /src/target/release/worker /usr/local/bin/
USER banter
WORKDIR /data
VOLUME /data
ENV DATABASE_URL=sqlite:///data/banter.db DATA_DIR=/data BIND_ADDR=0.0.0.0:8080 AUTH=required
EXPOSE 8080
# For the api. Disable it in a container that runs the worker.
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s CMD ["api", "healthcheck"]
ENTRYPOINT ["api"]
