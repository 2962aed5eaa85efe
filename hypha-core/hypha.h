/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-connection.h"
#include "hypha-core.h"
#include "hypha-error.h"
#include "hypha-question.h"
#include "hypha-service-info.h"
#include "hypha-types.h"
#include "hypha-user-info.h"
#include "hypha-version.h"
#include "hypha-window-info.h"
