# One image for the API workers and the projector; docker-compose.yml runs both on a PostgreSQL image.
FROM python:3.13-slim AS installed

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/cdp
WORKDIR /src
COPY requirements.txt ./
RUN /opt/cdp/bin/pip install --require-hashes --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY cdp cdp
COPY projections projections
COPY pipelines pipelines
COPY api api
RUN /opt/cdp/bin/pip install --no-deps --no-build-isolation .

FROM python:3.13-slim

RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/cdp cdp
COPY --from=installed /opt/cdp /opt/cdp
ENV PATH=/opt/cdp/bin:$PATH PYTHONUNBUFFERED=1 CDP_HOME=/var/lib/cdp CDP_HOST=0.0.0.0
USER cdp
WORKDIR /var/lib/cdp
VOLUME /var/lib/cdp
EXPOSE 8000
CMD ["cdp", "api"]
