FROM python:3.11-slim-bookworm
# reasoning-gym brings pycosat, which has no wheel.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev procps \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home decaymix && mkdir /var/lib/decaymix && chown decaymix /var/lib/decaymix
WORKDIR /opt/decaymix
COPY pyproject.toml constraints.txt ./
COPY decaymix decaymix
COPY service service
COPY workers workers
COPY mixtures mixtures
COPY db db
COPY studies studies
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
    -c constraints.txt torch==2.13.0+cpu -e .
USER decaymix
ENTRYPOINT ["decaymix"]
