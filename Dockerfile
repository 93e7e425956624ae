# The service alone; its database is another container (docker-compose.yml) or any PostGIS that LINLI_DATABASE_URL names.

FROM python:3.12-slim-trixie AS build
WORKDIR /app
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/opt/venv/bin:$PATH
RUN python -m venv /opt/venv
COPY requirements.lock ./
# The one lock holds the tests' tools too; what has no business in a service goes again.
RUN pip install --require-hashes --only-binary :all: -r requirements.lock \
 && pip uninstall -y hypothesis mypy oidc-provider-mock playwright pytest pytest-cov ruff schemathesis zxing-cpp
COPY pyproject.toml README.md ./
COPY gis ./gis
COPY maps ./maps
COPY api ./api
COPY fixtures ./fixtures
RUN pip install --no-index --no-deps --no-build-isolation -e . \
 && python -m maps.assets \
 && python -m compileall -q gis maps api fixtures

FROM python:3.12-slim-trixie
# Codes for doors are printed with a Chinese font; linli backup needs pg_dump of the database's version (docker-compose.yml).
RUN apt-get update && apt-get install -y --no-install-recommends fonts-wqy-microhei postgresql-client-17 && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin linli \
 && install -d -o linli -g linli -m 0700 /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    LINLI_HOST=0.0.0.0 LINLI_PORT=8000 LINLI_DATA_DIR=/data
USER linli
EXPOSE 8000
VOLUME /data
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['LINLI_PORT'] + '/api/ready', timeout=4)"]
CMD ["linli", "serve"]
