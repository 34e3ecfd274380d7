# Two images from one file: `server` (small: pages, API, folder watcher) and `worker` (torch: makes the answers).
#   docker build --target server -t beyondloss .
#   docker build --target worker -t beyondloss-worker .
FROM python:3.13-slim AS server

ENV PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1 BEYONDLOSS_DATA_DIR=/data BEYONDLOSS_HOST=0.0.0.0
WORKDIR /srv/beyondloss
COPY pyproject.toml constraints.txt README.md LICENSE CHANGELOG.md ./
COPY app app
COPY templates templates
COPY static static
COPY migrations migrations
RUN pip install --constraint constraints.txt '.[postgres]'

RUN useradd --create-home --uid 1000 beyondloss && mkdir /data /runs && chown beyondloss /data
USER beyondloss
VOLUME /data
EXPOSE 8420
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8420/healthz', timeout=2)"]
CMD ["beyondloss", "serve", "/runs", "--no-worker"]

FROM server AS worker
USER root
RUN pip install --constraint constraints.txt '.[worker,postgres]'
USER beyondloss
HEALTHCHECK NONE
CMD ["beyondloss", "worker"]
