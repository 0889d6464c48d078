# One image for every role: `narad api`, `narad worker`, `narad migrate`.

FROM python:3.13-slim-bookworm AS base

FROM base AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# Without pip in it: the image installs nothing more.
RUN python -m venv --without-pip /opt/narad
# The dependencies are a layer of their own, which changes only with the lock.
COPY requirements.txt ./
RUN python -m pip --python /opt/narad/bin/python install --require-hashes --only-binary=:all: --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY narad/ narad/
RUN python -m pip --python /opt/narad/bin/python install --no-deps .

FROM base
LABEL org.opencontainers.image.title="Narad" \
      org.opencontainers.image.description="An asynchronous task service" \
      org.opencontainers.image.licenses="Apache-2.0"
# A fixed number, so that volumes and policies can name it.
RUN groupadd --gid 10001 narad \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin narad
COPY --from=build /opt/narad /opt/narad
ENV PATH=/opt/narad/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# Modules with handlers are found here: COPY them, or mount them, and name them in NARAD_HANDLERS.
WORKDIR /app
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# For the API. A worker listens on no port: switch the check off for it, as compose.yaml does.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-Ic", "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ.get('NARAD_PORT') or 8000), timeout=4); c.request('GET', '/livez'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["narad"]
CMD ["--help"]
