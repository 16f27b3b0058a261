# One image for web tier, dispatcher and master; docker-compose.yml says which of them a container is.
FROM node:20-bookworm-slim AS front
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --omit=dev

FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc pkg-config libmariadb-dev gettext openssh-client \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY . .
COPY --from=front /app/node_modules node_modules
RUN for po in locale/*/LC_MESSAGES/*.po; do [ ! -e "$po" ] || msgfmt --check-format -o "${po%.po}.mo" "$po"; done \
 && useradd --create-home omserver \
 && install -d -o omserver -m 700 /home/omserver/state /home/omserver/master
USER omserver
ENV OMSERVER_HOME=/home/omserver/state PYTHONUNBUFFERED=1
ENTRYPOINT ["/app/.venv/bin/python"]
