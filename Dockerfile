# The licensing service, with the store on Apache Cassandra. See docs/cassandra.md.
# docker build --tag download-licensing .

FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /opt/helenus
COPY requirements/run.txt requirements/
RUN /opt/helenus/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes --only-binary :all: --requirement requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/helenus/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
    --no-index --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin licensing
COPY --from=build /opt/helenus /opt/helenus
# The keys that sign licence tokens: a volume, so that they outlive the container.
RUN install --directory --owner=licensing --mode=0700 /var/lib/download-licensing
ENV DOWNLOAD_LICENSING_DATA_DIRECTORY=/var/lib/download-licensing
ENV PATH=/opt/helenus/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001
WORKDIR /tmp
EXPOSE 8080
# Where the host's network ends, so does its loopback: who reaches this port is for the host to say.
ENV DOWNLOAD_LICENSING_HOST=0.0.0.0
CMD ["download-licensing", "serve"]
